"""Rows, and baselines that they are counted against."""

import math
from array import array
from collections.abc import Sequence

from hypothesis import strategies as st

from device_contract.baseline import Baseline, StreamBaseline
from device_contract.sketches import RowSummarizer, WindowSummary
from tests.support.bundles import make_stream

float32s = st.floats(width=32)
"""Every float32: NaN, infinities, subnormals and both zeros."""
values = st.one_of(st.floats(-8.0, 8.0, width=32), st.sampled_from([math.nan, math.inf, -math.inf]), float32s)
Row = tuple[float, float]
rows = st.lists(st.tuples(values, values), max_size=40)


def stream(edges: Sequence[float], *, name: str = "x", role: str = "feature", mean: float = 0.5) -> StreamBaseline:
    counts = (0, 4) + (0,) * (len(edges) - 1)
    return make_stream(
        name, role, edges=tuple(edges), counts=counts, rows=4, mean=mean, range_minimum=-4.0, range_maximum=4.0
    )


BASELINE = Baseline(
    streams=(
        stream([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 5.0]),
        stream([x / 4 - 8.0 for x in range(64)], name="y", role="output", mean=-1.25),
    )
)
"""One stream for each way to find a bin: by counting edges, and by halves."""


def summarise(taken: Sequence[Row], baseline: Baseline = BASELINE) -> WindowSummary:
    """Summarise rows of one feature and one output in one pass."""
    summarizer = RowSummarizer(baseline)
    for feature, output in taken:
        summarizer.update(array("f", [feature]), array("d", [output]))
    return summarizer.take()


summaries = rows.map(summarise)
