import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import typer.main
from numpy.typing import NDArray
from typer.core import TyperGroup

from compiler import compile_model
from compiler.cli import app
from compiler.errors import BudgetError, CompilerError, KeyFileError, ModelError, ParityError, PublishError, SampleError
from device_contract import bundle

Command = Callable[..., tuple[int, str, str]]
GUIDE = (Path(__file__).resolve().parent.parent.parent / "docs" / "guides" / "compile.md").read_text()


@pytest.fixture
def compiled(tmp_path: Path, command: Command, model_file: Path, sample_file: Path) -> Path:
    done = command(
        "compile", model_file, "--sample", sample_file, "--name", "pump", "--version", "1", "--out", tmp_path
    )
    assert done[0] == 0, done
    return tmp_path / "pump-1-portable.bundle"


def test_the_whole_way_from_a_model_to_a_verified_signature(tmp_path: Path, command: Command, compiled: Path) -> None:
    assert command("keys", "init", "--dir", tmp_path / "keys")[0] == 0
    assert command("sign", compiled, "--key", tmp_path / "keys" / "ci.key")[0] == 0
    exit_code, output, _ = command("verify", compiled, "--key", tmp_path / "keys" / "ci.pub")
    assert exit_code == 0
    assert "sound, signed by this key" in output


def test_a_compilation_tells_what_it_made(
    tmp_path: Path, command: Command, model_file: Path, sample_file: Path
) -> None:
    options = ["--name", "pump", "--version", "2", "--out", tmp_path, "--profile", "industrial-gateway"]
    exit_code, output, errors = command("compile", model_file, "--sample", sample_file, *options)
    assert (exit_code, errors) == (0, "")
    for text in ("pump 2", "industrial-gateway", "plan", "onnx", "400", "MiB", "sha256", "wrote"):
        assert text in output


def test_inspect_shows_the_manifest(command: Command, compiled: Path) -> None:
    exit_code, output, _ = command("inspect", compiled)
    assert exit_code == 0
    for text in ("pump", "pressure", "flow", "prediction", "portable"):
        assert text in output
    _, output, _ = command("inspect", compiled, "--json")
    document = json.loads(output)
    assert document["manifest"]["model"] == "pump"
    assert document["size_bytes"] == compiled.stat().st_size


def test_the_command_is_started_by_its_name(compiled: Path) -> None:
    script = "from compiler.cli import main; main()"
    root = Path(__file__).resolve().parent.parent.parent
    command = [sys.executable, "-c", script, "inspect", str(compiled), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["manifest"]["version"] == "1"


def test_each_fault_has_one_clear_line_and_its_exit_code(
    tmp_path: Path, command: Command, model_file: Path, sample_file: Path, compiled: Path
) -> None:
    def compile_with(model: Path, sample: Path, *more: object) -> tuple[int, str, str]:
        options = ["--name", "pump", "--version", "1", "--out", tmp_path / "out"]
        return command("compile", model, "--sample", sample, *options, *more)

    pickle = tmp_path / "model.pkl"
    pickle.write_bytes(b"\x80\x04N.")
    tight = tmp_path / "tight.toml"
    roomy = (Path(__file__).resolve().parent.parent.parent / "firmware_profiles" / "raspberry-pi-4.toml").read_text()
    tight.write_text(roomy.replace("raspberry-pi-4", "tight", 1).replace("67_108_864", "10"))
    damaged = tmp_path / "damaged.bundle"
    damaged.write_bytes(compiled.read_bytes()[:-1])
    faults = [
        (3, compile_with(tmp_path / "missing.skops", sample_file)),
        (3, compile_with(pickle, sample_file)),
        (3, compile_with(pickle, sample_file, "--trust-pickle")),
        (4, compile_with(model_file, tmp_path / "missing.csv")),
        (4, compile_with(model_file, sample_file, "--schema", tmp_path / "missing.toml")),
        (6, compile_with(model_file, sample_file, "--profile", tight)),
        (6, compile_with(model_file, sample_file, "--profile", "cortex-m4", "--kind", "onnx")),
        (2, compile_with(model_file, sample_file, "--profile", "toaster")),
        (7, command("inspect", damaged)),
        (7, command("verify", tmp_path / "missing.bundle")),
        (7, command("verify", compiled, "--key", tmp_path / "missing.pub")),
        (7, command("sign", compiled, "--key", sample_file)),
        (7, command("sign", ".", "--key", sample_file)),
    ]
    for expected, (exit_code, output, errors) in faults:
        assert exit_code == expected, errors
        assert output == ""
        assert errors.startswith("leeway-compiler: ")
        assert errors.count("\n") == 1, errors
    assert not (tmp_path / "out").exists()


def test_a_server_that_is_away_is_exit_code_eight(tmp_path: Path, command: Command, compiled: Path) -> None:
    command("keys", "init", "--dir", tmp_path)
    options = ["--key", tmp_path / "ci.key", "--server", "https://127.0.0.1:1", "--token", "t"]
    exit_code, _, errors = command("publish", compiled, *options)
    assert exit_code == 8
    assert errors.startswith("leeway-compiler: cannot reach https://127.0.0.1:1")


def test_a_folder_that_cannot_be_written_is_one_line(command: Command, model_file: Path, sample_file: Path) -> None:
    options = ["--name", "pump", "--version", "1", "--out", sample_file / "below-a-file"]
    exit_code, _, errors = command("compile", model_file, "--sample", sample_file, *options)
    assert exit_code == 1
    assert errors.count("\n") == 1


def test_a_bundle_whose_artifact_was_swapped_fails_its_self_test(
    tmp_path: Path, command: Command, boosted: Any, linear: Any, rows: NDArray[np.float32]
) -> None:
    right = bundle.read(compile_model(linear, rows, name="pump", version="1", kind="plan").data)
    wrong = bundle.read(compile_model(boosted, rows, name="pump", version="1", kind="plan").data)
    files = {name: bytes(body) for name, body in wrong.files.items()}
    test = right.manifest.self_test
    files[test.file.path] = bytes(right.files[test.file.path])
    mixed = tmp_path / "mixed.bundle"
    mixed.write_bytes(bundle.pack(msgspec.structs.replace(wrong.manifest, self_test=test), files))
    exit_code, _, errors = command("verify", mixed)
    assert exit_code == 5
    assert "self-test failed: the plan disagrees" in errors


def commands(group: TyperGroup, path: str = "leeway-compiler") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def documented() -> dict[str, set[str]]:
    """The options that the guide tells of each command."""
    sections = re.findall(
        r"^### `(leeway-compiler [a-z -]*[a-z])[A-Z ]*`\n(.*?)(?=^##)", GUIDE, re.MULTILINE | re.DOTALL
    )
    return {name: set(re.findall(r"^\| `(--[a-z-]+)`", text, re.MULTILINE)) for name, text in sections}


def test_the_guide_tells_every_command_and_option() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    offered = {
        path: {name for parameter in command.params if parameter.param_type_name == "option" for name in parameter.opts}
        for path, command in commands(group)
    }
    assert documented() == offered


def test_the_guide_tells_every_exit_code() -> None:
    families = (CompilerError, ModelError, SampleError, ParityError, BudgetError, KeyFileError, PublishError)
    codes = {0, 2, 7} | {family.exit_code for family in families}
    assert {int(code) for code in re.findall(r"^\| (\d) \|", GUIDE, re.MULTILINE)} == codes
