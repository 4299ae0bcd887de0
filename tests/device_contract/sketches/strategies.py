"""Rows, and baselines that they are counted against."""

import math
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from device_contract.baseline import Baseline, StreamBaseline
from device_contract.projection import Projection
from device_contract.score_reference import ScoreReference
from device_contract.sketches import MetricSketch, Resources, RowSummarizer, WindowSummary
from tests.support.bundles import make_stream

float32s = st.floats(width=32)
"""Every float32: NaN, infinities, subnormals and both zeros."""
values = st.one_of(st.floats(-8.0, 8.0, width=32), st.sampled_from([math.nan, math.inf, -math.inf]), float32s)
Row = tuple[float, float]
rows = st.lists(st.tuples(values, values), max_size=40)


def stream(
    edges: Sequence[float], *, name: str = "x", role: str = "feature", mean: float = 0.5, **known: Any
) -> StreamBaseline:
    counts = (0, 4) + (0,) * (len(edges) - 1)
    return make_stream(
        name, role, edges=tuple(edges), counts=counts, rows=4, mean=mean, range_minimum=-4.0, range_maximum=4.0, **known
    )


BASELINE = Baseline(
    streams=(
        stream([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 5.0]),
        stream([x / 4 - 8.0 for x in range(64)], name="y", role="output", mean=-1.25),
    )
)
"""One stream for each way to find a bin: by counting edges, and by halves."""


COMPONENTS = ((0.75, 0.5, 0.25), (0.25, -0.5, 0.75))
WIDE = Baseline(
    streams=(
        *(stream([-1.0, 0.0, 1.0], name=name, mean=mean) for name, mean in (("a", 0.5), ("b", -1.0))),
        stream([-0.5, 0.5, 1.5], name="c"),
        stream([-1.0, 0.0, 1.0], name="d", mean=2.0),
        stream([0.25, 0.5], name="no", role="output"),
        stream([0.5, 0.75], name="yes", role="output"),
    ),
    projection=Projection(
        features=(0, 1, 3),
        components=array("f", [number for component in COMPONENTS for number in component]).tobytes(),
        eigenvalues=(2.0, 0.5),
        rows=4,
        t2_mean=2.0,
        t2_variance=1.0,
        t2_lag1_correlation=0.0,
        q_mean=0.5,
        q_variance=0.25,
        q_lag1_correlation=0.0,
    ),
    correlations=array("f", [0.5, 0.25, -0.5]).tobytes(),
    score=ScoreReference(kind="probability", edges=(0.25, 0.5, 0.75), counts=(1, 1, 0, 2)),
)
"""A baseline with everything: four features, of which three are projected, and the probability of two classes."""
WideRow = tuple[tuple[float, ...], tuple[float, ...]]
wide_rows = st.lists(st.tuples(st.tuples(*[values] * 4), st.tuples(values, st.floats(0.0, 1.0) | values)), max_size=80)


def summarise(taken: Sequence[Row], baseline: Baseline = BASELINE) -> WindowSummary:
    """Summarise rows of one feature and one output in one pass."""
    summarizer = RowSummarizer(baseline)
    for feature, output in taken:
        summarizer.update(array("f", [feature]), array("d", [output]))
    return summarizer.take()


summaries = rows.map(summarise)


def summarise_wide(taken: Sequence[WideRow], *, cuts: Sequence[int] = ()) -> list[WindowSummary]:
    """Summarise rows of ``WIDE``, each of them explained, in windows that begin at the cuts."""
    summarizer = RowSummarizer(WIDE)
    windows = []
    for position, (features, outputs) in enumerate(taken):
        if position in cuts:
            windows.append(summarizer.take(with_comoments=True))
        summarizer.update(array("f", features), array("d", outputs))
        summarizer.observe_contributions(array("d", [float(position), -1.0, 0.25, -float(position), 9.0]))
    return [*windows, summarizer.take(with_comoments=True)]


def complete(window: WindowSummary) -> WindowSummary:
    """Give a window what the caller of the summarizer adds."""
    metrics = {"kilowatt hours": MetricSketch(count=2, sum=3.0, sum_squares=5.0, minimum=1.0, maximum=2.0)}
    resources = Resources(cpu_ns=1_000_000 + window.rows, peak_rss_bytes=12_000_000)
    return msgspec.structs.replace(window, metrics=metrics, resources=resources)


wide_summaries = wide_rows.map(lambda taken: complete(summarise_wide(taken)[0]))
