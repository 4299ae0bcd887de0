"""``leeway-compiler bench``: real bundles, measured in real processes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from numpy.typing import NDArray

from compiler import compile_model, scorer_process
from compiler.benchmark import ArtifactBench, BenchReport, Measurement
from compiler.budget import is_of_this_machine
from compiler.scorer_process import _percentiles, measure
from device_contract import bundle
from device_contract.canonical import sha256_hex
from device_contract.profile import profiles_folder, read_profile

Command = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "formats" / "bench-report.md").read_text()


@pytest.fixture(scope="module")
def bench_bundle(tmp_path_factory: pytest.TempPathFactory, logistic: Any, rows: NDArray[Any]) -> Path:
    """A portable bundle with both artifacts."""
    return compile_model(logistic, rows, name="pump", version="1").write(tmp_path_factory.mktemp("bench"))


def board(folder: Path, **changed: str) -> Path:
    """Write a profile of this machine with other limits."""
    machine = next(path.stem for path in profiles_folder().glob("*.toml") if is_of_this_machine(read_profile(path)))
    text = (profiles_folder() / f"{machine}.toml").read_text().replace(machine, "board", 1)
    for key, value in changed.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    path = folder / "board.toml"
    path.write_text(text)
    return path


@pytest.mark.slow
def test_each_artifact_is_measured_against_the_budget(tmp_path: Path, command: Command, bench_bundle: Path) -> None:
    exit_code, output, errors = command("bench", bench_bundle, "--profile", board(tmp_path), "--seconds", "0.1")
    assert (exit_code, errors) == (0, "")
    assert "pump 1 against board, on this" in output
    for name in ("p50", "p90", "p99", "max", "rows/s", "load", "MiB"):
        assert name in output
    assert [line.split()[0] for line in output.splitlines()[2:5]] == ["plan", "onnx", "budget"]


@pytest.mark.slow
def test_the_figures_are_sound_and_their_page_tells_them(command: Command, bench_bundle: Path) -> None:
    exit_code, output, _ = command("bench", bench_bundle, "--seconds", "0.1", "--json")
    assert exit_code == 0
    report = msgspec.json.decode(output, type=BenchReport)
    assert (report.profile, report.is_comparable) == (None, False)
    assert report.sha256 == bundle.open_file(bench_bundle).sha256
    plan, onnx = report.artifacts
    assert (plan.kind, onnx.kind) == ("plan", "onnx")
    for artifact in report.artifacts:
        measured = artifact.measured
        assert 0 < measured.p50_us <= measured.p90_us <= measured.p99_us <= measured.max_us
        assert measured.rows_per_s > 0
        assert measured.open_ms > 0 < measured.load_ms
    assert (plan.measured.rss_bytes or 0) < (onnx.measured.rss_bytes or 1)
    told = set(re.findall(r"`(\w+)`", PAGE))
    for struct in (BenchReport, ArtifactBench, Measurement):
        assert set(struct.__struct_fields__) <= told


@pytest.mark.slow
def test_what_breaks_the_budget_is_shown_and_refused(tmp_path: Path, command: Command, bench_bundle: Path) -> None:
    profile = board(tmp_path, max_rss_bytes="1000", max_p99_one_row_us="0.001")
    exit_code, output, errors = command("bench", bench_bundle, "--profile", profile, "--seconds", "0.1", "--json")
    assert exit_code == 6
    plan, onnx = json.loads(output)["artifacts"]
    assert errors == f"leeway-compiler: {plan['broken']}; {onnx['broken']}\n"
    assert re.fullmatch(
        r"the plan breaks .*'board': resident memory about \d+ bytes.*; p99 of one row .*", plan["broken"]
    )


@pytest.mark.slow
def test_only_the_size_is_held_against_another_processor(tmp_path: Path, command: Command, bench_bundle: Path) -> None:
    other = board(tmp_path, processor='"armv7"', max_rss_bytes="1000", max_p99_one_row_us="0.001")
    exit_code, output, _ = command("bench", bench_bundle, "--profile", other, "--seconds", "0.1")
    assert exit_code == 0
    assert "note: board has another processor (armv7): only the size is held against it" in output
    small = board(tmp_path, processor='"armv7"', max_artifact_bytes="10")
    exit_code, _, errors = command("bench", bench_bundle, "--profile", small, "--seconds", "0.1")
    assert exit_code == 6
    assert "at most 10" in errors


@pytest.mark.slow
def test_a_bundle_s_own_profile_is_the_budget(
    tmp_path: Path, command: Command, linear: Any, rows: NDArray[Any]
) -> None:
    own = compile_model(linear, rows, name="pump", version="1", profile="cortex-m4").write(tmp_path)
    _, output, _ = command("bench", own, "--seconds", "0.1", "--json")
    assert json.loads(output)["profile"]["name"] == "cortex-m4"


@pytest.mark.slow
def test_the_process_holds_only_the_scorer(bench_bundle: Path) -> None:
    script = [sys.executable, "-X", "importtime", "-P", scorer_process.__file__, str(bench_bundle), "plan", "0.01"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(script, env=environment, check=True, capture_output=True, text=True)
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "device_contract.plan.scorer" in imported
    assert not {name for name in imported if re.match(r"(compiler|edge_agent|numpy|onnxruntime|sklearn|typer)\b", name)}


@pytest.mark.slow
def test_an_artifact_that_does_not_load_is_one_line(tmp_path: Path, command: Command, bench_bundle: Path) -> None:
    opened = bundle.open_file(bench_bundle)
    files = {name: bytes(body) for name, body in opened.files.items()} | {"model.plan": b"no plan"}
    plan, onnx = opened.manifest.artifacts
    file = msgspec.structs.replace(plan.file, sha256=sha256_hex(b"no plan"), size_bytes=7)
    artifacts = (msgspec.structs.replace(plan, file=file), onnx)
    damaged = tmp_path / "damaged.bundle"
    damaged.write_bytes(bundle.pack(msgspec.structs.replace(opened.manifest, artifacts=artifacts), files))
    exit_code, output, errors = command("bench", damaged)
    assert (exit_code, output) == (7, "")
    assert re.fullmatch(r"leeway-compiler: the plan does not load or run: .+\n", errors)


def test_a_measurement_takes_every_figure(bench_bundle: Path) -> None:
    for kind in ("plan", "onnx"):
        assert set(measure(bench_bundle, kind, 0.01)) == set(Measurement.__struct_fields__)


def test_percentiles_are_of_the_ordered_times() -> None:
    assert _percentiles([3000, 1000, 2000, *[1000] * 97]) == {
        "timed_rows": 100,
        "p50_us": 1.0,
        "p90_us": 1.0,
        "p99_us": 3.0,
        "max_us": 3.0,
    }
