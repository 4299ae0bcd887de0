import json
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from benchmarks.loading import Started
from benchmarks.machine import ROOT, describe
from compiler import compile_model


@pytest.mark.slow
def test_a_process_tells_its_time_and_memory(tmp_path: Path) -> None:
    rows = np.eye(4, dtype=np.float32)
    bundle = compile_model(LinearRegression().fit(rows, rows[:, 0]), rows, name="small", version="1", kind="plan")
    command = [sys.executable, "-m", "benchmarks.first_score", "bundle", str(bundle.write(tmp_path)), "4"]
    told = json.loads(subprocess.check_output(command, cwd=ROOT))
    assert 0 < told["load_ms"] < 10_000
    assert 1 < told["resident_mb"] < 1000


@pytest.mark.parametrize(
    ("file_mb", "load_ms", "resident_mb", "missed"),
    [
        (1.0, 1.9, 14.9, ""),
        (1.0, 2.1, 14.9, "2.1 ms to the first score"),
        (10.5, 3.0, 20.0, ""),
        (1.0, 1.0, 15.1, "15.1 MB resident"),
    ],
)
def test_limits(file_mb: float, load_ms: float, resident_mb: float, missed: str) -> None:
    assert Started("plan", file_mb, load_ms, 1.0, resident_mb).missed() == missed


def test_the_machine_is_told() -> None:
    assert describe().endswith(f"Python {platform.python_version()}")
