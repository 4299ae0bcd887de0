"""Models as C: built here and for a Cortex-M4, run on both, held against the profile's budget."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neural_network import MLPRegressor

from compiler import compile_model
from compiler.export import export
from compiler.firmware import COMPILE_FLAGS, COMPILER, PROCESSOR_FLAGS
from device_contract import bundle as bundles
from device_contract.profile import find_profile
from device_contract.selftest import decode_self_test
from edge_agent import Scorer
from tests.support.bundles import make_bundle

Command = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "examples" / "cortex_m4"
HOST = ("gcc", "-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-pedantic", "-Werror")
BARE_METAL = (COMPILER, *COMPILE_FLAGS, *PROCESSOR_FLAGS["cortex-m4"], "-Wl,--gc-sections", "--specs=rdimon.specs")
QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none")
SEMIHOSTING = ("-semihosting-config", "enable=on,target=native", "-kernel")


@pytest.fixture(scope="module")
def network(rows: NDArray[np.float32], power: NDArray[np.float64]) -> Any:
    return MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", tol=0.1, random_state=0).fit(rows, power)


@pytest.fixture(params=["forest", "boosted", "linear", "logistic", "network"])
def exported(
    request: pytest.FixtureRequest, tmp_path: Path, rows: NDArray[np.float32], command: Command
) -> tuple[Path, Path]:
    """A bundle, and the folder of its C files."""
    model = request.getfixturevalue(request.param)
    path = compile_model(model, rows, name="pump", version="1", kind="plan").write(tmp_path)
    assert command("export-c", path, "--out", tmp_path / "c")[0] == 0
    return path, tmp_path / "c"


def on_this_machine(folder: Path) -> tuple[str, ...]:
    """Build for this machine; returns the command that runs it."""
    program = folder / "host"
    sources = [*folder.glob("*.c"), BOARD / "main.c"]
    subprocess.run([*HOST, "-DMODEL=pump", f"-I{folder}", *sources, "-lm", "-o", program], check=True)
    return (str(program),)


def on_a_cortex_m4(folder: Path, model: str = "pump") -> tuple[str, ...]:
    """Build for the board; returns the command that plays it."""
    image = folder / "firmware.elf"
    sources = [*folder.glob("*.c"), *BOARD.glob("*.c")]
    script = BOARD / "mps2_an386.ld"
    subprocess.run(
        [*BARE_METAL, f"-DMODEL={model}", f"-I{folder}", *sources, "-T", script, "-lm", "-o", image], check=True
    )
    return (*QEMU, *SEMIHOSTING, str(image))


def run(command: tuple[str, ...]) -> tuple[NDArray[np.float64], str]:
    """Run the self-test; returns the scores, (n_rows, n_outputs), and its last line."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    *lines, last = done.stdout.splitlines()
    bits = [[int(each, 16) for each in re.findall(r"[0-9a-f]{16}", line)] for line in lines]
    return np.array(bits, np.uint64).view(np.float64), last


def expected(path: Path) -> NDArray[np.float64]:
    """Return what the agent gives for the golden rows."""
    opened = bundles.open_file(path)
    vectors = decode_self_test(opened.files[opened.manifest.self_test.file.path])
    scorer = Scorer.from_bundle(opened)
    return np.array([scorer.score(row) for row in vectors.rows()]).reshape(vectors.n_rows, -1)


@pytest.mark.slow
def test_the_scores_are_the_agent_s_here_and_on_a_cortex_m4(exported: tuple[Path, Path]) -> None:
    path, folder = exported
    right = expected(path)
    for build in (on_this_machine, on_a_cortex_m4):
        scores, last = run(build(folder))
        assert last == f"self-test: {len(right)} rows, 0 wrong"
        assert scores.tobytes() == right.tobytes()


@pytest.mark.slow
def test_a_damaged_plan_fails_the_self_test(exported: tuple[Path, Path]) -> None:
    _, folder = exported
    source = folder / "pump.c"
    source.write_text(source.read_text().replace("0x4c5059415745454c", "0x4c5059415745454d", 1))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(on_a_cortex_m4(folder))
    assert failed.value.stdout.splitlines()[-1].endswith("-1 wrong")


@pytest.mark.slow
def test_flash_and_ram_are_shown_against_the_profile(
    tmp_path: Path, forest: Any, rows: NDArray[np.float32], command: Command
) -> None:
    path = compile_model(forest, rows, name="pump", version="1", kind="plan").write(tmp_path)
    exit_code, output, errors = command("export-c", path, "--out", tmp_path / "c", "--profile", "cortex-m4")
    assert (exit_code, errors) == (0, "")
    flash = re.search(r"flash\D+(\d+)\D+(\d+)", output)
    ram = re.search(r"RAM\D+(\d+)\D+(\d+)", output)
    assert flash
    assert ram
    plan_bytes = bundles.open_file(path).manifest.budget.artifact_bytes
    assert plan_bytes < int(flash[1]) < plan_bytes + 65_536
    assert (int(flash[2]), int(ram[2])) == (393_216, 65_536)
    assert 0 < int(ram[1]) < 4096


@pytest.mark.slow
def test_a_model_over_the_budget_is_refused_and_not_written(
    tmp_path: Path, forest: Any, rows: NDArray[np.float32], command: Command
) -> None:
    path = compile_model(forest, rows, name="pump", version="1", kind="plan").write(tmp_path)
    text = (ROOT / "firmware_profiles" / "cortex-m4.toml").read_text()
    (tmp_path / "tiny.toml").write_text(text.replace('"cortex-m4"', '"tiny"', 1).replace("393_216", "8_192"))
    exit_code, output, errors = command("export-c", path, "--out", tmp_path / "c", "--profile", tmp_path / "tiny.toml")
    assert (exit_code, output) == (6, "")
    assert re.fullmatch(
        r"leeway-compiler: the export breaks the budget of profile 'tiny': flash \d+ bytes, at most 8192\n", errors
    )
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_a_forest_needs_little_code(tmp_path: Path, forest: Any, rows: NDArray[np.float32]) -> None:
    path = compile_model(forest, rows, name="pump", version="1", kind="plan").write(tmp_path)
    flash, _ = export([bundles.open_file(path)], find_profile("cortex-m4")).shares
    assert flash.taken_bytes - bundles.open_file(path).manifest.budget.artifact_bytes < 6144


@pytest.mark.slow
def test_several_models_share_the_kernels(
    tmp_path: Path, forest: Any, network: Any, rows: NDArray[np.float32], command: Command
) -> None:
    models = {"pump": forest, "fan": network}
    paths = [
        compile_model(model, rows, name=name, version="1", kind="plan").write(tmp_path)
        for name, model in models.items()
    ]
    assert command("export-c", *paths, "--out", tmp_path / "c", "--profile", "cortex-m4")[0] == 0
    for name, path in zip(models, paths, strict=True):
        scores, _ = run(on_a_cortex_m4(tmp_path / "c", name))
        assert scores.tobytes() == expected(path).tobytes()
    exit_code, _, errors = command("export-c", paths[0], paths[0], "--out", tmp_path / "twice")
    assert (exit_code, errors.count("\n")) == (1, 1)


@pytest.mark.parametrize("names", [("math", "model_math"), ("pump-self-test", "pump"), ("pump.a", "pump_a")])
def test_models_that_would_be_written_to_one_file_are_refused(
    tmp_path: Path, linear: Any, rows: NDArray[np.float32], command: Command, names: tuple[str, str]
) -> None:
    paths = [compile_model(linear, rows, name=name, version="1", kind="plan").write(tmp_path) for name in names]
    exit_code, _, errors = command("export-c", *paths, "--out", tmp_path / "c")
    assert (exit_code, errors.count("\n")) == (1, 1)
    assert "would both be written to" in errors


@pytest.mark.parametrize("name", ["math", "int", "features"])
def test_a_model_named_as_a_header_or_a_keyword_is_built(
    tmp_path: Path, linear: Any, rows: NDArray[np.float32], name: str
) -> None:
    bundle = compile_model(linear, rows, name=name, version="1", kind="plan")
    export([bundles.read(bundle.data)]).write(tmp_path)
    identifier = next(path.stem for path in tmp_path.glob("*.h") if path.stem != "leeway_kernels")
    sources = [*tmp_path.glob("*.c"), BOARD / "main.c"]
    program = tmp_path / "host"
    subprocess.run([*HOST, f"-DMODEL={identifier}", "-iquote", tmp_path, *sources, "-lm", "-o", program], check=True)
    assert run((str(program),))[1].endswith(" 0 wrong")


def test_what_cannot_be_exported_is_one_clear_line(
    tmp_path: Path, linear: Any, rows: NDArray[np.float32], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = compile_model(linear, rows, name="pump", version="1", kind="plan").write(tmp_path)
    onnx = tmp_path / "onnx.bundle"
    onnx.write_bytes(make_bundle("pump", "1", {"onnx": b"onnx"}, features=["flow"], outputs=["power"]))
    rubbish = tmp_path / "rubbish.bundle"
    rubbish.write_bytes(make_bundle("pump", "1", {"plan": b"no plan"}, features=["flow"], outputs=["power"]))
    out = tmp_path / "c"
    monkeypatch.setenv("PATH", str(tmp_path))
    faults = [
        (3, "carries no plan", command("export-c", onnx, "--out", out)),
        (7, "", command("export-c", rubbish, "--out", out)),
        (1, "no microcontroller", command("export-c", plan, "--out", out, "--profile", "raspberry-pi-4")),
        (1, "apt-get install", command("export-c", plan, "--out", out, "--profile", "cortex-m4")),
        (2, "toaster", command("export-c", plan, "--out", out, "--profile", "toaster")),
    ]
    for code, said, (exit_code, output, errors) in faults:
        assert (exit_code, output, errors.count("\n")) == (code, "", 1), errors
        assert said in errors
    assert not out.exists()
