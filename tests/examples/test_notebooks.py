"""The notebooks run from their first cell to their last, against a server with a small fleet."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.fleet_server import seeded_fleet
from tests.fleet_server.commands.running_server import RunningServer, run_server

NOTEBOOKS = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
TIMEOUT_S = 120
FINDINGS = {
    "fleet_drift": r"turbine-3 has moved most, in temperature: \+0\.\d+ training standard deviations",
    "compare_versions": "version 2 against version 1, 2026-01-02 00:00 to 2026-01-02 23:00 UTC",
}

LACKS = {
    "fleet_drift": "a move needs two windows, and idle has 0: wait until devices have reported",
    "compare_versions": "a comparison needs windows of two versions, and idle has those of 0: deploy another version",
}
"""What is said where a model has no windows."""


def test_each_notebook_has_a_finding() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(FINDINGS)


@pytest.mark.parametrize("name", FINDINGS)
def test_a_notebook_is_kept_without_what_it_said(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with run_server(tmp_path_factory.mktemp("notebooks") / "data") as running:
        seeded_fleet.seed(seeded_fleet.database_of(running.data))
        yield running


@pytest.fixture
def environment(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a notebook reads of its environment."""
    monkeypatch.setenv("LEEWAY_SERVER", server.url)
    monkeypatch.setenv("LEEWAY_TOKEN", server.admin_token)
    monkeypatch.setenv("LEEWAY_CA", str(server.ca))
    monkeypatch.setenv("HOME", str(tmp_path))  # what Jupyter and Matplotlib keep there
    return monkeypatch


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
def test_a_notebook_runs_and_finds_what_is_there(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("LEEWAY_MODEL", seeded_fleet.MODEL)
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert re.search(FINDINGS[name], said), said
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LACKS)
def test_a_notebook_says_what_is_missing(server: RunningServer, environment: pytest.MonkeyPatch, name: str) -> None:
    server.post("/api/v1/models", json={"name": "idle", "public_keys": ["00" * 32]})
    environment.setenv("LEEWAY_MODEL", "idle")
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    names: dict[str, Any] = {}
    with pytest.raises(SystemExit, match=LACKS[name]):
        exec(code, names)  # noqa: S102  (the notebook; a kernel would take many seconds)
    names["fleet"].close()
