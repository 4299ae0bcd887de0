"""The agent stays light: what it imports at its start, and who may speak MQTT."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "numpy", "onnxruntime", "onnx", "fastapi", "sqlmodel", "sklearn", "pyarrow", "tuf", "urllib3", "securesystemslib",
    "cryptography",
)  # fmt: skip


@pytest.mark.parametrize("source", ["stdin", "mqtt:localhost:1883/rows"])
def test_the_main_process_imports_nothing_heavy(source: str) -> None:
    program = (
        "import sys; import edge_agent.cli, edge_agent.run; edge_agent.Agent;"
        "from edge_agent.sources import open_source;"
        f"open_source({source!r}); print(*sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, stdin=subprocess.DEVNULL
    )
    assert set(found.stdout.split()).isdisjoint(HEAVY)


def test_paho_is_imported_in_one_module() -> None:
    modules = [
        path
        for path in (ROOT / "edge_agent").rglob("*.py")
        if re.search(r"^(from|import) paho", path.read_text(), re.MULTILINE)
    ]
    assert [path.name for path in modules] == ["mqtt.py"]
