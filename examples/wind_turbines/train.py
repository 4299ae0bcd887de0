"""Train the two versions of the model that predicts a turbine's active power.

Version 1 is a straight line in the standardised features; version 2 is gradient boosting,
which knows the shape of a power curve. Both learn from all four turbines of 2014::

    python -m examples.wind_turbines.train OUT

writes ``power-1.skops``, ``power-2.skops`` and ``sample.parquet`` (what the compiler
takes the baseline from) into the folder OUT, and prints each version's error in 2015.
"""

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import skops.io
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from examples.wind_turbines.turbines import FEATURES, SCHEMA, TARGET, TURBINES, plausible, read_turbine

_SAMPLE_EVERY_DAYS = 4


def training_table(year: int) -> pa.Table:
    """Return a year's plausible rows of all turbines, one turbine after the other."""
    return pa.concat_tables(
        plausible(read_turbine(turbine, date(year, 1, 1), date(year + 1, 1, 1))) for turbine in TURBINES
    )


def features(table: pa.Table) -> NDArray[np.float32]:
    """Return the features, (n_rows, n_features), float32."""
    return np.column_stack([table[name].to_numpy() for name in FEATURES])


def train_version_1(table: pa.Table) -> RegressorMixin:
    """Fit the linear model."""
    return make_pipeline(StandardScaler(), Ridge()).fit(features(table), table[TARGET].to_numpy())


def train_version_2(table: pa.Table) -> RegressorMixin:
    """Fit the boosted trees."""
    model = HistGradientBoostingRegressor(max_iter=120, max_leaf_nodes=31, early_stopping=False, random_state=0)
    with threadpool_limits(1):  # two threads that wait for a busy core take ten times as long as one
        return model.fit(features(table), table[TARGET].to_numpy())


_VERSIONS = {"1": train_version_1, "2": train_version_2}


def sample(table: pa.Table) -> pa.Table:
    """Return the features of every fourth day.

    Whole days, because the baseline measures how much neighbouring rows resemble each other.
    """
    day = pc.day_of_year(table["time"]).to_numpy()
    return table.filter(pa.array(day % _SAMPLE_EVERY_DAYS == 0)).select(FEATURES)


def mean_absolute_error(model: RegressorMixin, table: pa.Table) -> float:
    """Return the mean absolute error on a table, in kW."""
    return float(np.mean(np.abs(model.predict(features(table)) - table[TARGET].to_numpy())))


def train_version(version: str, folder: Path) -> Path:
    """Train version ``1`` or ``2`` and write it into a folder, as a skops file."""
    model = _VERSIONS[version](training_table(2014))
    path = folder / f"power-{version}.skops"
    skops.io.dump(model, path)
    return path


def write_sample(folder: Path) -> tuple[Path, Path]:
    """Write the sample into a folder; return its path and that of the schema."""
    path = folder / "sample.parquet"
    pyarrow.parquet.write_table(sample(training_table(2014)), path)
    return path, SCHEMA


def main() -> None:
    """Train and write both, and print the error of each in the year that it has not seen."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    write_sample(folder)
    unseen = training_table(2015)
    for version in _VERSIONS:
        path = train_version(version, folder)
        model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))  # written just now
        print(f"version {version}: mean absolute error in 2015 {mean_absolute_error(model, unseen):.0f} kW")


if __name__ == "__main__":
    main()
