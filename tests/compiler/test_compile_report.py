"""The reports of a compilation: what they say of a proof that fails, and that their page says the same."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import onnx
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.checks import Check, Checklist, FailedRow
from compiler.compile_report import CompileReport, Failure, Variant, decode_report, encode_report
from compiler.errors import ParityError, WrongRow
from compiler.junit import junit_xml

Command = Callable[..., tuple[int, str, str]]
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats" / "compile-report.md").read_text()


@pytest.fixture(scope="module")
def inexact(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model that ONNX gets wrong, and its sample: the scaler's mean is halfway between two float32 numbers."""
    folder = tmp_path_factory.mktemp("inexact")
    rows = (1e7 + np.arange(20)[:, np.newaxis] % [10, 4]).astype(np.float32)
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(rows.astype(np.float64), rows[:, 0] - 1e7)
    skops.io.dump(model, folder / "model.skops")
    np.savez(folder / "sample.npz", rows=rows)
    return folder / "model.skops", folder / "sample.npz"


@pytest.fixture
def failed(
    tmp_path: Path, command: Command, inexact: tuple[Path, Path]
) -> tuple[tuple[int, str, str], CompileReport, bytes]:
    """What a compilation comes to whose proof fails: the command's outcome, the report, the JUnit file."""
    model, sample = inexact
    options = ["--name", "pump", "--version", "1", "--out", tmp_path / "out", "--kind", "onnx"]
    reports = ["--report", tmp_path / "report.json", "--junit", tmp_path / "junit.xml"]
    outcome = command("compile", model, "--sample", sample, *options, *reports)
    assert not (tmp_path / "out").exists()
    return outcome, decode_report((tmp_path / "report.json").read_bytes()), (tmp_path / "junit.xml").read_bytes()


def test_a_failed_proof_prints_its_rows(
    failed: tuple[tuple[int, str, str], CompileReport, bytes], inexact: tuple[Path, Path]
) -> None:
    (exit_code, output, errors), _, _ = failed
    assert (exit_code, output) == (5, "")
    first, *shown = errors.splitlines()
    assert first.startswith("leeway-compiler: the onnx disagrees with the model on 20 of 20 rows")
    assert len(shown) == 5
    rows = np.load(inexact[1])["rows"]
    for line in shown:
        found = re.fullmatch(r"  row (\d+): model \(\S+\), onnx \(\S+\), inputs \((\d+), (\d+)\)", line)
        assert found, line
        assert [int(found[2]), int(found[3])] == rows[int(found[1])].tolist()


def test_a_failed_proof_is_in_the_report_with_its_rows(
    failed: tuple[tuple[int, str, str], CompileReport, bytes], inexact: tuple[Path, Path]
) -> None:
    _, report, _ = failed
    (variant,) = report.variants
    assert variant.failure is not None
    assert (report.exit_code, variant.failure.exit_code, variant.status) == (5, 5, "failed")
    check = variant.checks[-1]
    assert (check.name, check.status, len(check.rows)) == ("onnx.parity", "failed", 5)
    rows = np.load(inexact[1])["rows"]
    model = skops.io.load(inexact[0])
    for row in check.rows:
        assert np.array(row.inputs, np.float32).tolist() == rows[row.row].tolist()
        assert row.expected == pytest.approx(model.predict(rows[[row.row]].astype(np.float64)))
        assert row.got != pytest.approx(row.expected, abs=0.1)


def test_a_failed_proof_is_a_failed_test_case_with_its_rows(
    failed: tuple[tuple[int, str, str], CompileReport, bytes],
) -> None:
    (_, _, errors), report, junit = failed
    root = ET.fromstring(junit)  # noqa: S314  (written by this test)
    assert [(suite.get("name"), suite.get("failures")) for suite in root] == [("pump 1", "0"), ("pump 1 portable", "1")]
    assert all({"name", "tests", "failures", "errors"} <= set(suite.keys()) for suite in root)
    assert {child.tag for case in root.iter("testcase") for child in case} == {"failure", "system-out"}
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert [str(name) for name in cases] == [check.name for check in report.all_checks()]
    failure = cases["onnx.parity"].find("failure")
    assert failure is not None
    assert f"leeway-compiler: {failure.text}\n" == errors
    assert (failure.get("message") or "").startswith("the onnx disagrees with the model on 20 of 20 rows")


def running_totals(path: Path) -> Path:
    """Write an ONNX model for which there is no plan."""
    axis = helper.make_tensor("axis", TensorProto.INT64, [], [1])
    graph = helper.make_graph(
        [helper.make_node("CumSum", ["rows", "axis"], ["scores"])],
        "totals",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4])],
        [axis],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.mark.slow
def test_an_artifact_that_the_model_does_not_have_is_skipped(
    tmp_path: Path, command: Command, sample_file: Path
) -> None:
    options = ["--name", "totals", "--version", "1", "--out", tmp_path, "--report", tmp_path / "report.json"]
    model = running_totals(tmp_path / "totals.onnx")
    exit_code, output, _ = command(
        "compile", model, "--sample", sample_file, *options, "--junit", tmp_path / "junit.xml"
    )
    assert exit_code == 0
    assert "note: no plan for this model: " in output
    (portable,) = decode_report((tmp_path / "report.json").read_bytes()).variants
    checks = {check.name: check for check in portable.checks}
    assert (checks["plan"].status, checks["onnx"].status) == ("skipped", "passed")
    assert checks["plan"].message == portable.notes[0]
    assert "plan.parity" not in checks
    root = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314  (written by this test)
    assert root.find(".//testcase[@name='plan']/skipped") is not None


def test_what_json_has_no_number_for_is_text() -> None:
    checklist = Checklist()
    rows = (WrongRow(3, (float("nan"), 1.0), (float("inf"),), (float("-inf"),)),)
    with pytest.raises(ParityError), checklist.step("plan.parity"):
        raise ParityError("they disagree", rows)
    (check,) = checklist.checks
    assert check.rows == (FailedRow(row=3, inputs=("nan", 1.0), expected=("inf",), got=("-inf",)),)
    assert [float(value) for value in check.rows[0].got] == [float("-inf")]


def test_a_report_reads_back() -> None:
    check = Check(name="telemetry", status="failed", message="too much", figures={"bytes_per_day": 7, "p99": None})
    failure = Failure(exit_code=6, message="too much")
    variant = Variant(profile="cortex-m4", status="failed", failure=failure, checks=(check,))
    report = CompileReport(compiler="1", model="m", version="1", exit_code=6, seconds=0.5, variants=(variant,))
    assert decode_report(encode_report(report)) == report
    assert report.failures() == ["too much"]


def test_what_several_bundles_have_in_common_is_told_once() -> None:
    failure, other = Failure(exit_code=5, message="wrong\n  row 3"), Failure(exit_code=6, message="large")
    variants = [Variant(profile=name, status="failed", failure=failure) for name in ("a", "b")]
    variants += [Variant(profile="c", status="failed", failure=other), Variant(profile="d", status="built")]
    report = CompileReport(compiler="1", model="m", version="1", exit_code=6, seconds=0.5, variants=tuple(variants))
    assert report.failures() == ["a, b: wrong\n  row 3", "c: large"]


def test_a_report_of_another_version_is_refused() -> None:
    report = CompileReport(compiler="1", model="m", version="1", exit_code=0, seconds=0.5)
    document: dict[str, Any] = json.loads(encode_report(report)) | {"report_version": 2}
    with pytest.raises(msgspec.ValidationError, match="report_version"):
        decode_report(json.dumps(document).encode())


def test_junit_holds_what_xml_cannot() -> None:
    check = Check(name="model", status="failed", message="a \x00 <b> \ud800 & \x1b[1m")
    report = CompileReport(compiler="1", model="m", version="1", exit_code=3, seconds=0.5, checks=(check,))
    failure = ET.fromstring(junit_xml(report)).find(".//failure")  # noqa: S314  (written by this test)
    assert failure is not None
    assert failure.text == "a ? <b> ? & ?[1m"


def test_the_page_tells_every_key_and_check(tmp_path: Path, command: Command, inexact: tuple[Path, Path]) -> None:
    told = set(re.findall(r"`([a-z0-9_.]+)`", PAGE))
    for struct in (CompileReport, Variant, Check, FailedRow, Failure):
        assert set(struct.__struct_fields__) <= told
    options = ["--name", "pump", "--version", "1", "--out", tmp_path, "--profile", "industrial-gateway"]
    command("compile", inexact[0], "--sample", inexact[1], *options, "--kind", "plan", "--report", tmp_path / "r.json")
    made = decode_report((tmp_path / "r.json").read_bytes())
    assert made.exit_code == 0
    for check in made.all_checks():
        assert check.name in told
        assert {name for name in check.figures if not name.startswith("max_")} <= told, check.name
