"""A pair of features that moved together no longer does, while each looks as usual."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.faults import Fault, Outbreak
from benchmarks.drift.figures import Found
from benchmarks.drift.judging import broken
from compiler.baseline import build_baseline
from detectors import Reference, WindowArrays, lay_out
from detectors.correlations import correlations_of
from detectors.windows import Tables, checked, empty_tables
from device_contract.baseline import Baseline
from device_contract.manifest import Feature, Output

DEVICES: Final = 100
FEATURES: Final = 30
ROWS: Final = 1000
SINCE: Final = 20
_USUAL, _BROKEN = 0.8, 0.4
WORLD: Final = "30 features, 1,000 independent rows a window, co-moments in each"

Floats = NDArray[np.float64]


def relation(seed: int) -> list[Found]:
    """Break one of 435 pairs in a twentieth of the devices."""
    numbers = np.random.default_rng(seed)
    sample = _rows(numbers, 20_000, _USUAL).astype(np.float32)
    names = tuple(Feature(name=f"sensor-{place:02}") for place in range(FEATURES))
    baseline = build_baseline(names, (Output(name="none"),), sample, np.zeros((len(sample), 1)))
    baseline = _features_alone(baseline)
    reference = lay_out(baseline)
    outbreak = Outbreak(Fault(), SINCE, np.arange(DEVICES // 20), np.zeros((DEVICES // 20, 1), np.intp))
    windows = _windows(numbers, baseline, reference)
    return broken(("correlation of 0.8 falls to 0.4", WORLD, 3), reference, windows, outbreak)


def _features_alone(baseline: Baseline) -> Baseline:
    """Return the baseline of the features alone."""
    return Baseline(
        streams=baseline.streams[:FEATURES], projection=baseline.projection, correlations=baseline.correlations
    )


def _rows(numbers: np.random.Generator, rows: int, correlation: float) -> Floats:
    values = numbers.normal(size=(rows, FEATURES))
    values[:, 1] = correlation * values[:, 0] + np.sqrt(1.0 - correlation**2) * values[:, 1]
    return values


def _windows(numbers: np.random.Generator, baseline: Baseline, reference: Reference) -> Iterator[WindowArrays]:
    names = np.array([(f"device-{place:03}", "all", "1") for place in range(DEVICES)])
    for window in range(SINCE + 8):
        tables = replace(empty_tables(reference, names), rows=np.full(DEVICES, ROWS, np.float32))
        tables.related_rows[:] = ROWS
        for device in range(DEVICES):
            is_broken = window >= SINCE and device < DEVICES // 20
            rows = _rows(numbers, ROWS, _BROKEN if is_broken else _USUAL)
            _lay_out(baseline, reference, rows, device, tables)
        yield checked(tables)


def _lay_out(baseline: Baseline, reference: Reference, rows: Floats, device: int, tables: Tables) -> None:
    """Count one device's rows, and sum up what a device sums up beside them."""
    for stream, column in enumerate(rows.T):
        bins = int(reference.bins[stream].sum())
        at = np.searchsorted(reference.edges[stream, : bins - 1], column, side="right")
        tables.counts[device, stream, :bins] = np.bincount(at, minlength=bins)
    tables.streams[device, :, 4], tables.streams[device, :, 5] = rows.mean(axis=0), rows.std(axis=0)
    standardised = (rows - reference.mean) / reference.deviation
    products = (standardised.T @ standardised)[np.triu_indices(FEATURES)][None]
    (tables.correlations[device],) = correlations_of(np.array([ROWS]), standardised.sum(axis=0)[None], products)
    assert baseline.projection is not None
    components = np.frombuffer(baseline.projection.components, np.float32).reshape(-1, FEATURES)
    along = standardised @ components.T
    t2 = (along**2 / np.array(baseline.projection.eigenvalues)).sum(axis=1)
    q = (standardised**2).sum(axis=1) - (along**2).sum(axis=1)
    tables.projected[device] = (ROWS, t2.sum(), (t2**2).sum(), q.sum(), (q**2).sum())
