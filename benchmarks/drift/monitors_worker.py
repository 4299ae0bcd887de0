"""Evidently, NannyML and river on simulated rows, in an environment of their own.

``python -m benchmarks.drift.monitors_worker ROWS.npz ALARMS.npz``

``ROWS.npz`` holds ``reference`` (n_reference, n_features), ``rows`` (n_devices, n_windows, n_rows,
n_features) and ``judged``, the first window that is judged: the ones before are the past of a
monitor that learns from one. ``ALARMS.npz`` gets for each monitor whether it alarmed, bool
(n_devices, n_windows - judged, n_features). Each runs as its own quick start sets it up.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import nannyml
import numpy as np
import pandas as pd
from evidently import Report
from evidently.metrics import ValueDrift
from numpy.typing import NDArray
from river.drift import ADWIN

Floats = NDArray[np.float64]
Alarms = NDArray[np.bool_]


def evidently(reference: Floats, rows: Floats, judged: int) -> Alarms:
    """Compare each window with the reference, by the test that Evidently chooses for its size."""
    report = Report([ValueDrift(column=name) for name in _names(reference)])
    before = _frame(reference)
    found = [[_drifts(report.run(_frame(window), before)) for window in device[judged:]] for device in rows]
    return np.array(found)


def _drifts(run: object) -> list[bool]:
    answers = []
    for metric in run.dict()["metrics"]:  # type: ignore[attr-defined]
        told = metric["config"]
        is_distance = "p_value" not in told["method"]
        answers.append((metric["value"] >= told["threshold"]) == is_distance)
    return answers


def nannyml_univariate(reference: Floats, rows: Floats, judged: int) -> Alarms:
    """Hold each window to mean + 3 standard deviations of the reference's chunks of that size."""
    names = _names(reference)
    calculator = nannyml.UnivariateDriftCalculator(column_names=names, chunk_size=rows.shape[2])
    calculator.fit(_frame(reference))
    found = []
    for device in rows:
        result = calculator.calculate(_frame(device[judged:].reshape(-1, len(names)))).filter(period="analysis")
        table = result.to_df(multilevel=False)
        found.append(table[[f"{name}_jensen_shannon_alert" for name in names]].to_numpy(dtype=bool))
    return np.array(found)


def adwin(reference: Floats, rows: Floats, judged: int) -> Alarms:
    """Give every row of a stream to a detector of its own, from the first window on."""
    del reference
    devices, windows, _, features = rows.shape
    found = np.zeros((devices, windows, features), bool)
    for device in range(devices):
        for feature in range(features):
            detector = ADWIN()
            for window in range(windows):
                for value in rows[device, window, :, feature]:
                    detector.update(value)
                    found[device, window, feature] |= detector.drift_detected
    return found[:, judged:]


MONITORS: dict[str, Callable[[Floats, Floats, int], Alarms]] = {
    "Evidently, defaults": evidently,
    "NannyML, defaults": nannyml_univariate,
    "river ADWIN, rows": adwin,
}


def _names(reference: Floats) -> list[str]:
    return [f"feature_{index}" for index in range(reference.shape[1])]


def _frame(rows: Floats) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_names(rows))


def main() -> None:
    """Run every monitor on the rows of a file."""
    warnings.simplefilter("ignore")  # the libraries' own, about each other's versions
    given = np.load(sys.argv[1])
    reference, rows, judged = given["reference"], given["rows"], int(given["judged"])
    np.savez(Path(sys.argv[2]), **{name: monitor(reference, rows, judged) for name, monitor in MONITORS.items()})


if __name__ == "__main__":
    main()
