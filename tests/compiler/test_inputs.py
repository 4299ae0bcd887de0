"""Nothing is built twice, and nothing stale is taken for new."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from compiler import compile_model
from compiler.compile_report import CompileReport, decode_report
from compiler.inputs import find_built
from device_contract import bundle
from device_contract.profile import profiles_folder

Command = Callable[..., tuple[int, str, str]]
Build = Callable[..., CompileReport]
SCHEMA = '[[output]]\nname = "power"\n'


@pytest.fixture
def folder(tmp_path: Path, model_file: Path, sample_file: Path) -> Path:
    """A folder with a model, a sample, a schema and a profile of their own."""
    shutil.copy(model_file, tmp_path / "model.skops")
    shutil.copy(sample_file, tmp_path / "sample.csv")
    (tmp_path / "schema.toml").write_text(SCHEMA)
    roomy = (profiles_folder() / "cortex-m4.toml").read_text()
    (tmp_path / "board.toml").write_text(roomy.replace("cortex-m4", "board", 1))
    return tmp_path


@pytest.fixture
def build(folder: Path, command: Command) -> Build:
    """Compile what is in the folder; returns the report."""

    def run(version: str = "1", *more: object) -> CompileReport:
        options = ["--name", "pump", "--version", version, "--out", folder / "out", "--schema", folder / "schema.toml"]
        profile = ["--profile", folder / "board.toml", "--report", folder / "report.json"]
        command("compile", folder / "model.skops", "--sample", folder / "sample.csv", *options, *profile, *more)
        return decode_report((folder / "report.json").read_bytes())

    return run


def status(report: CompileReport) -> str:
    (variant,) = report.variants
    return variant.status


def test_the_same_inputs_build_nothing(folder: Path, build: Build) -> None:
    first = build()
    written = (folder / "out" / "pump-1-board.bundle").stat()
    again = build()
    assert (status(first), status(again)) == ("built", "up to date")
    assert (folder / "out" / "pump-1-board.bundle").stat().st_mtime_ns == written.st_mtime_ns
    assert [check.name for check in again.checks] == ["request"]
    assert again.variants[0].checks == first.variants[0].checks
    assert again.variants[0].bundle == first.variants[0].bundle


def test_the_terminal_says_up_to_date(folder: Path, command: Command) -> None:
    options = ["--name", "pump", "--version", "1", "--out", folder]
    for said in ("wrote ", "up to date: "):
        exit_code, output, _ = command("compile", folder / "model.skops", "--sample", folder / "sample.csv", *options)
        assert exit_code == 0
        assert f"{said}{folder / 'pump-1-portable.bundle'}, " in output


@pytest.mark.parametrize("changed", ["sample.csv", "schema.toml", "board.toml"])
def test_a_changed_byte_builds_again(folder: Path, build: Build, changed: str) -> None:
    build()
    with (folder / changed).open("a") as file:
        file.write("\n")
    rebuilt = "up to date" if changed == "board.toml" else "built"  # a profile is known by its values
    assert status(build()) == rebuilt
    assert status(build()) == "up to date"


@pytest.mark.slow
def test_a_changed_budget_builds_again(folder: Path, build: Build) -> None:
    build()
    profile = folder / "board.toml"
    profile.write_text(profile.read_text().replace("393_216", "10"))
    assert status(build()) == "failed"
    profile.write_text(profile.read_text().replace("= 10\n", "= 393_217\n"))
    assert status(build()) == "built"


def test_a_changed_model_builds_again(folder: Path, build: Build) -> None:
    build()
    with (folder / "model.skops").open("ab") as file:
        file.write(b"\0")  # a ZIP archive may end in a comment; whether it loads does not matter here
    report = build()
    assert not report.variants or status(report) == "built"


@pytest.mark.parametrize("option", [("--kind", "plan"), ("--trust-pickle",)])
def test_another_option_builds_again(build: Build, option: tuple[str, ...]) -> None:
    build()
    assert status(build("1", *option)) == "built"
    assert status(build("1", *option)) == "up to date"


@pytest.mark.slow
def test_another_commit_builds_again(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    for commit in ("abc", "def"):
        monkeypatch.setenv("CI_COMMIT_SHA", commit)
        assert status(build()) == "built"
        assert status(build()) == "up to date"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["", ".inputs.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_file_builds_again(folder: Path, build: Build, suffix: str, damage: str) -> None:
    first = build()
    path = folder / "out" / f"pump-1-board.bundle{suffix}"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    if damage != "remove":
        path.write_bytes(data if damage == "flip" else data[:100])
    again = build()
    assert status(again) == "built"
    assert again.variants[0].bundle == first.variants[0].bundle


def test_a_damaged_record_never_tells_something_else(folder: Path, build: Build) -> None:
    build()
    built = folder / "out" / "pump-1-board.bundle"
    record = built.with_name(built.name + ".inputs.json")
    whole = record.read_bytes()
    inputs = json.loads(whole)["inputs"]
    right = find_built(built, inputs)
    assert right is not None
    for position in range(0, len(whole), 7):
        record.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        found = find_built(built, inputs)
        assert found in (None, right), whole[max(position - 20, 0) : position + 20]


def test_a_record_of_another_version_of_the_format_builds_again(folder: Path, build: Build) -> None:
    build()
    path = folder / "out" / "pump-1-board.bundle.inputs.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"inputs_version": 2}))
    assert status(build()) == "built"


def test_a_copied_bundle_is_up_to_date_where_it_lies(folder: Path, build: Build) -> None:
    build()
    shutil.copytree(folder / "out", folder / "cache")
    shutil.rmtree(folder / "out")
    (folder / "cache").rename(folder / "out")
    assert status(build()) == "up to date"


@pytest.mark.slow
def test_a_model_with_weights_in_another_file_is_always_built(
    tmp_path: Path, command: Command, linear: Any, rows: NDArray[np.float32], sample_file: Path
) -> None:
    opened = bundle.read(compile_model(linear, rows, name="pump", version="1", kind="onnx").data)
    model = onnx.load_from_string(bytes(opened.files["model.onnx"]))
    tensor = numpy_helper.from_array(np.zeros((4, 1), np.float32), "more_weights")
    model.graph.initializer.append(tensor)
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    options = ["--name", "pump", "--version", "1", "--kind", "onnx", "--out", tmp_path]
    for _ in range(2):
        exit_code, output, errors = command("compile", tmp_path / "model.onnx", "--sample", sample_file, *options)
        assert (exit_code, errors) == (0, "")
        assert "wrote " in output
    assert not list(tmp_path.glob("*.inputs.json"))


def test_a_model_that_is_no_file_is_told(tmp_path: Path, command: Command, sample_file: Path) -> None:
    options = ["--name", "pump", "--version", "1", "--out", tmp_path]
    for model in (Path("/dev/zero"), tmp_path / "missing.onnx", tmp_path):
        exit_code, _, errors = command("compile", model, "--sample", sample_file, *options)
        assert exit_code == 3
        assert errors.count("\n") == 1


def test_another_installed_package_builds_again(folder: Path, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    build()
    distribution = folder / "site" / "newcomer-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: newcomer\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(folder / "site")
    assert status(build()) == "built"
    assert status(build()) == "up to date"
