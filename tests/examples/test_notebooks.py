"""The notebooks run from their first cell to their last, against a server with a small fleet."""

import re
from collections.abc import Iterator
from pathlib import Path

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


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
def test_a_notebook_runs_and_finds_what_is_there(
    server: RunningServer, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_SERVER", server.url)
    monkeypatch.setenv("LEEWAY_TOKEN", server.admin_token)
    monkeypatch.setenv("LEEWAY_CA", str(server.ca))
    monkeypatch.setenv("LEEWAY_MODEL", seeded_fleet.MODEL)
    monkeypatch.setenv("HOME", str(tmp_path))  # what Jupyter and Matplotlib keep there
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert re.search(FINDINGS[name], said), said
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
