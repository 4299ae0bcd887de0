"""The pipelines of ``docs/ci.md``: sound for their CI servers, and their commands run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import skops.io
import yaml
from numpy.typing import NDArray

from compiler.compile_report import decode_report
from compiler.signing import create_keys
from device_contract.profile import profiles_folder
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "ci"
PAGE = (ROOT / "docs" / "ci.md").read_text()
GUIDE = (ROOT / "docs" / "guides" / "compile.md").read_text()
BOARDS = ("cortex-m4", "industrial-gateway")
SCHEMA = {"github-actions.yml": "vendor.github-workflows", "gitlab-ci.yml": "vendor.gitlab-ci"}


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text())
    return document


def scripts(name: str, job: str) -> list[str]:
    """Return the shell scripts of a job that run ``leeway-compiler``."""
    document = load(name)
    if name == "gitlab-ci.yml":
        lines = document[job]["script"]
    else:
        lines = [step["run"] for step in document["jobs"][job]["steps"] if "run" in step]
    return [line for line in lines if "leeway-compiler" in line]


@pytest.mark.parametrize("name", sorted(SCHEMA))
def test_the_page_shows_the_file(name: str) -> None:
    assert f"```yaml\n{(EXAMPLES / name).read_text()}```" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCHEMA))
def test_the_pipeline_is_sound_for_its_server(name: str) -> None:
    lint = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMA[name], str(EXAMPLES / name)]
    more = ["--data-transform", "gitlab-ci"] if name == "gitlab-ci.yml" else []
    done = subprocess.run([*lint, *more], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_both_pipelines_run_the_same_commands() -> None:
    def commands(name: str) -> list[list[str]]:
        text = "\n".join(script for job in ("bundles", "publish") for script in scripts(name, job))
        joined = re.sub(r"\\\n", " ", text)
        found = re.findall(r"leeway-compiler [^\n;]*", joined)
        return [re.sub(r'--key "\S+"', "--key KEY", each).split() for each in found]

    assert commands("github-actions.yml") == commands("gitlab-ci.yml")


@pytest.fixture
def project(tmp_path: Path, logistic: Any, rows: NDArray[np.float32]) -> Path:
    """A folder as the pipelines have it after training."""
    skops.io.dump(logistic, tmp_path / "model.skops")
    pq.write_table(pa.table({f"sensor_{index}": rows[:, index] for index in range(4)}), tmp_path / "sample.parquet")
    (tmp_path / "schema.toml").write_text('[[feature]]\nname = "sensor_0"\nunit = "bar"\n')
    (tmp_path / "boards").mkdir()
    for name in BOARDS:
        (tmp_path / "boards" / f"{name}.toml").write_bytes((profiles_folder() / f"{name}.toml").read_bytes())
    return tmp_path


def run(name: str, job: str, project: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a job's commands in bash as its server does: it stops at the first that fails."""
    start = f"leeway-compiler() {{ '{sys.executable}' -c 'from compiler.cli import main; main()' \"$@\"; }}\n"
    script = "set -e\n" + start + "\n".join(scripts(name, job))
    document = load(name)
    version = (document.get("env") or document["variables"])["VERSION"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VERSION": version, "RUNNER_TEMP": str(project), **variables}
    command = ["bash", "-c", script]
    return subprocess.run(command, cwd=project, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCHEMA))
def test_the_commands_build_and_measure_the_bundles_and_ask_the_server(name: str, project: Path) -> None:
    done = run(name, "bundles", project)
    assert done.returncode == 0, done.stderr
    report = decode_report((project / "build" / "report.json").read_bytes())
    assert [(variant.profile, variant.status) for variant in report.variants] == [(board, "built") for board in BOARDS]
    assert (project / "build" / "junit.xml").read_text().count("<testsuite ") == 1 + len(BOARDS)
    assert "turbine-power 1 against industrial-gateway" in done.stdout

    private, _ = create_keys(project / "keys")
    key = str(private) if name == "gitlab-ci.yml" else private.read_text()
    server = f"https://127.0.0.1:{free_port()}"
    done = run(name, "publish", project, LEEWAY_KEY=key, LEEWAY_TOKEN="t", LEEWAY_SERVER=server)
    assert done.returncode == 8
    assert f"leeway-compiler: cannot reach {server}" in done.stderr


def test_the_page_tells_exit_codes_that_the_guide_has() -> None:
    codes = {code for line in re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE) for code in line.split(", ")}
    assert codes <= set(re.findall(r"^\| (\d) \|", GUIDE, re.MULTILINE))
    assert len(codes) == 5
