"""``leeway-compiler compile`` for many profiles, and what it tells of each."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.checks import Checklist
from compiler.compile_report import decode_report
from compiler.errors import ParityError
from compiler.matrix import find_profiles
from compiler.pipeline import BundleOrder, compile_prepared
from compiler.preparation import prepare
from device_contract import bundle
from device_contract.errors import ProfileError
from device_contract.profile import find_profile, profiles_folder

Command = Callable[..., tuple[int, str, str]]
PROFILES = sorted(path.stem for path in profiles_folder().glob("*.toml"))


def tight_profile(folder: Path) -> Path:
    """Write a profile that no model fits."""
    path = folder / "tight.toml"
    roomy = (profiles_folder() / "raspberry-pi-4.toml").read_text()
    path.write_text(roomy.replace("raspberry-pi-4", "tight", 1).replace("67_108_864", "10"))
    return path


@pytest.fixture
def compile_with(tmp_path: Path, command: Command, model_file: Path, sample_file: Path) -> Command:
    """Run ``compile`` on the linear model with more options."""

    def run(*more: object, model: Path = model_file) -> tuple[int, str, str]:
        options = ["--name", "pump", "--version", "1", "--out", tmp_path / "out"]
        return command("compile", model, "--sample", sample_file, *options, *more)

    return run


def test_a_folder_of_profiles_becomes_a_bundle_each(tmp_path: Path, compile_with: Command) -> None:
    report = tmp_path / "report.json"
    exit_code, output, errors = compile_with("--matrix", profiles_folder(), "--report", report)
    assert (exit_code, errors) == (0, "")
    written = sorted((tmp_path / "out").glob("*.bundle"))
    assert [bundle.open_file(path).manifest.profile for path in written] == PROFILES
    assert all(path.name in output for path in written)
    done = decode_report(report.read_bytes())
    assert [variant.profile for variant in done.variants] == PROFILES
    assert [check.name for check in done.checks] == ["request", "model", "sample", "truth"]
    for variant, path in zip(done.variants, written, strict=True):
        assert variant.bundle is not None
        assert (variant.bundle.path, variant.bundle.size_bytes) == (str(path), path.stat().st_size)
        assert variant.bundle.sha256 == bundle.open_file(path).sha256


def test_a_bundle_of_a_matrix_has_the_bytes_of_one_made_alone(
    tmp_path: Path, compile_with: Command, command: Command, model_file: Path, sample_file: Path
) -> None:
    compile_with("--matrix", "raspberry-pi-4", "--matrix", "cortex-m4")
    alone = ["--name", "pump", "--version", "1", "--out", tmp_path / "alone", "--profile", "raspberry-pi-4"]
    command("compile", model_file, "--sample", sample_file, *alone)
    name = "pump-1-raspberry-pi-4.bundle"
    assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_a_variant_that_breaks_its_budget_does_not_keep_the_others(tmp_path: Path, compile_with: Command) -> None:
    tight, report, junit = tight_profile(tmp_path), tmp_path / "report.json", tmp_path / "junit.xml"
    matrix = ["--matrix", "raspberry-pi-4", "--matrix", tight, "--matrix", "cortex-m4"]
    exit_code, output, errors = compile_with(*matrix, "--report", report, "--junit", junit)
    assert exit_code == 6
    assert re.fullmatch(r"leeway-compiler: tight: the plan breaks the budget of profile 'tight': .*\n", errors)
    assert output.count("wrote") == 2
    assert {path.name for path in (tmp_path / "out").glob("*.bundle")} == {
        "pump-1-raspberry-pi-4.bundle",
        "pump-1-cortex-m4.bundle",
    }
    done = decode_report(report.read_bytes())
    assert [variant.status for variant in done.variants] == ["built", "failed", "built"]
    failed = done.variants[1]
    assert failed.failure is not None
    assert (done.exit_code, failed.failure.exit_code, failed.bundle) == (6, 6, None)
    last = failed.checks[-1]
    assert (last.name, last.status, last.figures["max_artifact_bytes"]) == ("plan.budget", "failed", 10)
    assert last.message in errors
    assert 'name="pump 1 tight"' in junit.read_text()


def test_the_exit_code_is_the_highest(tmp_path: Path, compile_with: Command) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    tight_profile(folder)
    assert compile_with("--matrix", "cortex-m4", "--matrix", folder, "--kind", "onnx")[0] == 6
    assert compile_with("--matrix", folder, model=tmp_path / "missing.skops")[0] == 3


@pytest.mark.parametrize(
    ("fault", "exit_code", "check"),
    [
        (["--profile", "toaster"], 2, "request"),
        (["--version", "1/2"], 1, "request"),
        (["--schema", "missing.toml"], 4, "sample"),
        (["--profile", "cortex-m4", "--kind", "onnx"], 6, "build"),
    ],
)
def test_reports_are_written_after_a_failure_with_its_reason(
    tmp_path: Path, compile_with: Command, fault: list[str], exit_code: int, check: str
) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    done, _, errors = compile_with(*fault, "--report", report, "--junit", junit)
    assert done == exit_code
    told = decode_report(report.read_bytes())
    assert told.exit_code == exit_code
    (failed,) = [each for each in told.all_checks() if each.status == "failed"]
    assert failed.name == check
    assert errors == f"leeway-compiler: {failed.message}\n"
    assert f'<failure message="{failed.message}"'.replace("'", "") in junit.read_text().replace("'", "")


def test_profiles_are_named_by_folder_file_or_name(tmp_path: Path) -> None:
    nested = tmp_path / "boards" / "north"
    nested.mkdir(parents=True)
    tight = tight_profile(nested)
    assert [profile.name for profile in find_profiles(["cortex-m4", str(tight), "cortex-m4"])] == ["cortex-m4", "tight"]
    assert [profile.name for profile in find_profiles([str(tmp_path / "boards") + "/..."])] == ["tight"]
    assert [profile.name for profile in find_profiles([str(profiles_folder())])] == PROFILES
    with pytest.raises(ProfileError, match="no firmware profile"):
        find_profiles([str(tmp_path / "boards")])
    with pytest.raises(ProfileError, match="there are: cortex-m4"):
        find_profiles(["toaster"])


def test_two_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "cortex-m4.toml"
    other.write_text((profiles_folder() / "cortex-m4.toml").read_text().replace("393_216", "1000"))
    with pytest.raises(ProfileError, match="another profile 'cortex-m4' has the same name"):
        find_profiles(["cortex-m4", str(other)])


def test_a_profile_and_a_matrix_exclude_each_other(compile_with: Command) -> None:
    exit_code, _, errors = compile_with("--matrix", "cortex-m4", "--profile", "cortex-m4")
    assert exit_code == 2
    assert "give either --profile or --matrix" in errors


def test_a_model_is_converted_and_proved_once(linear: Any, rows: NDArray[np.float32]) -> None:
    checklist = Checklist()
    prepared = prepare(linear, rows, schema=None, trust_pickle=False, checklist=checklist)
    assert [check.name for check in checklist.checks] == ["model", "sample", "truth"]
    made = [compile_prepared(prepared, BundleOrder("pump", "1"), find_profile(name), checklist) for name in PROFILES]
    assert len({id(result) for each in made for result in each.parity}) == 2
    assert prepared.emit("plan") is prepared.emit("plan")


def test_what_fails_once_fails_in_every_variant_alike() -> None:
    rows = (1e7 + np.arange(20)[:, np.newaxis] % [10, 4]).astype(np.float32)  # ONNX gets this scaler wrong
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(rows.astype(np.float64), rows[:, 0] - 1e7)
    prepared = prepare(model, rows, schema=None, trust_pickle=False, checklist=Checklist())
    errors = []
    for name in ("raspberry-pi-4", "industrial-gateway"):
        with pytest.raises(ParityError) as refusal:
            compile_prepared(prepared, BundleOrder("pump", "1", "onnx"), find_profile(name), Checklist())
        errors.append(refusal.value)
    assert errors[0] is errors[1]
    compile_prepared(prepared, BundleOrder("pump", "1", "plan"), find_profile("cortex-m4"), Checklist())
