"""Builds baselines and windows of made-up streams, as a device would count them."""

import numpy as np
from numpy.typing import NDArray

from device_contract.baseline import Baseline, StreamBaseline
from device_contract.sketches.latency import LatencyHistogram
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary

QUANTILES = (0.0, 0.005, *(tenth / 10 for tenth in range(1, 10)), 0.995)
Floats = NDArray[np.float64]


def autoregressive(generator: np.random.Generator, rows: int, correlation: float) -> Floats:
    """Return a Gaussian series of standard deviation 1 with this correlation of neighbours."""
    noise = generator.standard_normal(rows) * np.sqrt(1 - correlation**2)
    series = np.empty(rows)
    value = generator.standard_normal()
    for row in range(rows):
        value = correlation * value + noise[row]
        series[row] = value
    return series


def lag1(values: Floats) -> float:
    centred = values - values.mean()
    return float(centred[:-1] @ centred[1:] / (centred @ centred)) if centred.any() else 0.0


def make_stream(name: str, values: Floats, *, role: str = "feature") -> StreamBaseline:
    finite = values[np.isfinite(values)]
    quantiles = np.quantile(finite, QUANTILES).astype(np.float32)
    edges = np.unique(np.append(quantiles, np.nextafter(np.float32(finite.max()), np.float32(np.inf))))
    return StreamBaseline(
        name=name,
        role="output" if role == "output" else "feature",
        kind="number",
        edges=tuple(edges.tolist()),
        counts=tuple(np.bincount(np.searchsorted(edges, finite, "right"), minlength=len(edges) + 1).tolist()),
        rows=len(finite),
        missing=len(values) - len(finite),
        mean=float(finite.mean()),
        standard_deviation=float(finite.std()),
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        lag1_correlation=lag1(finite),
    )


def make_sketch(stream: StreamBaseline, values: Floats) -> StreamSketch:
    finite = values[np.isfinite(values)]
    distances = finite - stream.mean
    bins = np.searchsorted(stream.edges, finite, "right")
    return StreamSketch(
        pivot=stream.mean,
        counts=tuple(np.bincount(bins, minlength=len(stream.edges) + 1).tolist()),
        missing=len(values) - len(finite),
        sum=float(distances.sum()),
        sum_squares=float(distances @ distances),
        lag_products=float(distances[:-1] @ distances[1:]),
        lag_pairs=max(len(finite) - 1, 0),
        minimum=float(finite.min()) if len(finite) else float("inf"),
        maximum=float(finite.max()) if len(finite) else float("-inf"),
    )


def make_summary(baseline: Baseline, columns: list[Floats]) -> WindowSummary:
    sketches = tuple(map(make_sketch, baseline.streams, columns))
    return WindowSummary(rows=len(columns[0]), streams=sketches, latency=LatencyHistogram())


def float32_stream(name: str, values: Floats, *, role: str = "feature") -> StreamBaseline:
    """Return a stream as the compiler makes it: its edges are float32 values."""
    return make_stream(name, values.astype(np.float32).astype(np.float64), role=role)
