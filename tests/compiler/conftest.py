"""Models and samples, trained once, and the command line in process."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from compiler.cli import main

# Threads of OpenMP wait for each other in a loop: on a busy machine that takes minutes.
threadpool_limits(1)

FEATURES = ("pressure", "flow", "speed", "temperature")


@pytest.fixture(scope="session")
def rows() -> NDArray[np.float32]:
    """Rows of four features, (400, 4)."""
    return np.random.default_rng(7).normal(size=(400, len(FEATURES))).astype(np.float32)


@pytest.fixture(scope="session")
def power(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """A number to predict."""
    return np.asarray(2.0 * rows[:, 0] + rows[:, 1] * rows[:, 2], dtype=np.float64)


@pytest.fixture(scope="session")
def state(power: NDArray[np.float64]) -> NDArray[np.str_]:
    """A class to predict: low, high or over."""
    return np.array(["low", "high", "over"])[(power > 0).astype(int) + (power > 2)]


@pytest.fixture(scope="session")
def linear(rows: NDArray[np.float32], power: NDArray[np.float64]) -> Any:
    return make_pipeline(StandardScaler(), Ridge()).fit(rows, power)


@pytest.fixture(scope="session")
def logistic(rows: NDArray[np.float32], state: NDArray[np.str_]) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, state)


@pytest.fixture(scope="session")
def forest(rows: NDArray[np.float32], state: NDArray[np.str_]) -> Any:
    return RandomForestClassifier(10, max_depth=6, random_state=0, n_jobs=2).fit(rows, state)


@pytest.fixture(scope="session")
def boosted(rows: NDArray[np.float32], power: NDArray[np.float64]) -> Any:
    return HistGradientBoostingRegressor(max_iter=20, early_stopping=False, random_state=0).fit(rows, power)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory, linear: Any) -> Path:
    """The linear pipeline as a skops file."""
    path = tmp_path_factory.mktemp("model") / "linear.skops"
    skops.io.dump(linear, path)
    return path


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory, rows: NDArray[np.float32]) -> Path:
    """The rows as a CSV file with a line of names."""
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    lines = [",".join(FEATURES), *(",".join(repr(float(value)) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``leeway-compiler`` with arguments; returns exit code, output, errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["leeway-compiler", *map(str, arguments)])
        try:
            main()
            exit_code = 0
        except SystemExit as done:
            exit_code = int(done.code or 0)
        captured = capsys.readouterr()
        return exit_code, captured.out, captured.err

    return run
