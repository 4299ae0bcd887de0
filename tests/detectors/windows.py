"""Windows of Gaussian rows, counted as a device counts them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from detectors import Reference, WindowArrays, lay_out
from detectors.windows import STREAM_COLUMNS, checked, empty_tables
from device_contract.manifest import Feature, Output

Rows = NDArray[np.float32]


def gaussian_reference(features: int, rows: int = 20_000) -> Reference:
    sample = np.random.default_rng(9).normal(size=(rows, features)).astype(np.float32)
    names = tuple(Feature(name=f"sensor-{i}") for i in range(features))
    return lay_out(build_baseline(names, (Output(name="score"),), sample, sample[:, :1].astype(np.float64)))


def window_of(reference: Reference, rows: Rows, versions: list[str] | None = None, phase: int = 0) -> WindowArrays:
    """Count rows (devices, rows, features); the output is the first feature."""
    values = np.concatenate([rows, rows[:, :, :1]], axis=2)
    n, n_rows, streams = values.shape
    counts = np.zeros((n, streams, reference.bins.shape[1]), np.float32)
    table = np.zeros((n, streams, len(STREAM_COLUMNS)))
    for device in range(n):
        for stream in range(streams):
            column = values[device, :, stream].astype(np.float64)
            finite = column[np.isfinite(column)]
            size = int(reference.bins[stream].sum())
            at = np.searchsorted(reference.edges[stream, : size - 1], finite, side="right")
            counts[device, stream, :size] = np.bincount(at, minlength=size)
            table[device, stream] = _moments(column, finite)
    ids = [f"device-{device:04}" for device in range(n)]
    names = np.array(list(zip(ids, ["all"] * n, versions or ["1"] * n, strict=True)), np.str_)
    tables = empty_tables(reference, names)
    return checked(replace(tables, rows=np.full(n, n_rows, np.float32), counts=counts, streams=table), phase)


def _moments(column: NDArray[np.float64], finite: NDArray[np.float64]) -> tuple[float, ...]:
    lost = len(column) - len(finite)
    repeats = float((column[1:] == column[:-1]).sum())
    if len(finite) < 2 or not finite.std():
        return (lost, 0, 0, repeats, finite.mean() if len(finite) else 0.0, 0.0, 0.0)
    lag1 = float(np.corrcoef(finite[1:], finite[:-1])[0, 1])
    return (lost, 0, 0, repeats, finite.mean(), finite.std(), lag1)
