"""Stuck values: repeats and the longest run, across windows too."""

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.sketches import RowSummarizer, merge
from tests.device_contract.sketches.strategies import BASELINE, summarise

few = st.lists(st.sampled_from([0.0, 1.0, math.nan, math.inf]), max_size=200)


def longest(taken: list[float]) -> int:
    best = run = 0
    for before, value in pairwise([math.nan, *taken]):
        run = 0 if not math.isfinite(value) else run + 1 if value == before else 1
        best = max(best, run)
    return best


@given(few)
def test_repeats_and_runs_are_those_of_the_values(taken: list[float]) -> None:
    sketch = summarise([(value, 0.0) for value in taken]).streams[0]
    assert sketch.repeats == sum(a == b and math.isfinite(a) for a, b in pairwise(taken))
    assert sketch.longest_run == longest(taken)


@pytest.mark.parametrize("cut", [1, 63, 64, 65, 99])
def test_a_run_goes_on_into_the_next_window(cut: int) -> None:
    summarizer = RowSummarizer(BASELINE)
    windows = []
    for position in range(100):
        if position == cut:
            windows.append(summarizer.take())
        summarizer.update(array("f", [7.0]), array("d", [float(position)]))
    windows.append(summarizer.take())
    assert [window.streams[0].longest_run for window in windows] == [cut, 100]
    merged = merge(*windows).streams
    assert [(stream.repeats, stream.longest_run) for stream in merged] == [(99, 100), (0, 1)]
