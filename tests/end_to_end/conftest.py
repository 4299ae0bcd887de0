"""The whole fleet in both of its sizes: all in one process, and with a site's broker and database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from examples.wind_turbines.fleet import Fleet
from examples.wind_turbines.processes import command, free_port, run

FEATURES = ("speed", "load", "temperature")
START_MS = 1_767_225_600_000  # 2026-01-01T00:00Z


@pytest.fixture(params=["embedded", "site"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    """A running server: SQLite and amqtt in its process, or PostgreSQL and mosquitto beside it."""
    made = Fleet(tmp_path, "demo")
    options = ["--mqtt-port", str(free_port())]
    try:
        if request.param == "site":
            made.set_up(*options, "--broker", "external", "--database-url", request.getfixturevalue("postgresql_url"))
            _start_mosquitto(made)
        else:
            made.set_up(*options)
        made.serve()
        yield made
    finally:
        made.close()


def _start_mosquitto(fleet: Fleet) -> None:
    folder = fleet.folder / "mosquitto"
    options = ["--data", str(fleet.data), "--out", str(folder), "--user", "root"]
    run([command("leeway-fleet"), "broker", "config", *options])
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"  # not on the PATH of every user
    fleet.start("mosquitto", [program, "-c", str(folder / "mosquitto.conf")])


@pytest.fixture(scope="session")
def rows() -> NDArray[np.float32]:
    """Rows of three sensors, (6000, 3)."""
    return np.random.default_rng(7).normal([10.0, 0.5, 20.0], [2.0, 0.1, 5.0], (6000, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def sample(rows: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    pyarrow.csv.write_csv(pa.table(dict(zip(FEATURES, rows.T, strict=True))), path)
    return path


@pytest.fixture(scope="session")
def replay(rows: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows as a recording, one a second."""
    path = tmp_path_factory.mktemp("replay") / "rows.csv"
    times = pa.array(START_MS + 1000 * np.arange(len(rows)))
    pyarrow.csv.write_csv(pa.table({"time": times, **dict(zip(FEATURES, rows.T, strict=True))}), path)
    return path


@pytest.fixture(scope="session")
def models(rows: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two versions of a model, trained on the rows."""
    folder = tmp_path_factory.mktemp("models")
    target = rows @ np.array([3.0, -2.0, 0.5]) + 0.1 * rows[:, 0] ** 2
    fitted = {
        "1": LinearRegression().fit(rows, target),
        "2": RandomForestRegressor(10, max_depth=6, random_state=0).fit(rows, target),
    }
    for version, model in fitted.items():
        skops.io.dump(model, folder / f"{version}.skops")
    return {version: folder / f"{version}.skops" for version in fitted}
