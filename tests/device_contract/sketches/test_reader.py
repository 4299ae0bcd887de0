"""Reading into flat arrays: the same numbers as the objects hold, and room that is checked."""

import array
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given

from device_contract.errors import SketchError
from device_contract.sketches import STREAM_NUMBERS, WINDOW_NUMBERS, SummaryReader, WindowSummary, encode_summary
from tests.device_contract.sketches.strategies import (
    BASELINE,
    WIDE,
    summaries,
    summarise,
    summarise_wide,
    wide_summaries,
)

READER = SummaryReader(WIDE)


def rooms(reader: SummaryReader, stride: int = 0) -> list[Any]:
    """Arrays full of what must not stay."""
    counts = np.full((reader.n_streams, stride or reader.n_bins), 7)
    return [
        counts,
        np.full((reader.n_streams, len(STREAM_NUMBERS)), 7.0),
        np.full(len(WINDOW_NUMBERS), 7.0),
        np.full(reader.n_score_bins, 7),
        np.full(reader.n_features, 7.0),
        np.full(reader.n_comoments, 7.0),
    ]


@given(wide_summaries)
def test_arrays_hold_what_objects_hold(sent: WindowSummary) -> None:
    data = encode_summary(sent, WIDE)
    counts, streams, window, scores, attributions, comoments = rooms(READER, stride=9)
    READER.read_into(data, counts, streams, window, scores, attributions, comoments)
    read = READER.read(data)
    named = dict(zip(WINDOW_NUMBERS, window.tolist(), strict=True))
    assert READER.rows(data) == named["rows"] == sent.rows
    assert (named["t2"], named["q_squares"]) == (read.projection.t2, read.projection.q_squares)
    assert (named["cpu_ns"], named["peak_rss_bytes"]) == (read.resources.cpu_ns, read.resources.peak_rss_bytes)
    assert named["latency_sum_ns"] == read.latency.sum_ns
    assert tuple(scores) == read.score_counts
    assert tuple(attributions) == (read.attributions.sums or (0.0,) * 4)
    assert tuple(comoments) == ((*read.comoments.sums, *read.comoments.products) if read.comoments else (0.0,) * 9)
    for sketch, line, numbers in zip(read.streams, counts, streams.tolist(), strict=True):
        told = dict(zip(STREAM_NUMBERS, numbers, strict=True))
        assert tuple(line) == sketch.counts + (0,) * (9 - len(sketch.counts))
        for name in (
            "missing",
            "infinite",
            "out_of_range",
            "repeats",
            "longest_run",
            "lag_pairs",
            "minimum",
            "maximum",
        ):
            assert told[name] == getattr(sketch, name)
        assert sketch.sum == sketch.finite * told["offset"]


@given(summaries)
def test_a_baseline_without_parts_needs_no_room_for_them(sent: WindowSummary) -> None:
    reader = SummaryReader(BASELINE)
    room = rooms(reader)
    reader.read_into(encode_summary(sent, BASELINE), *room[:5])
    assert room[2][0] == sent.rows
    assert [len(part) for part in room[3:]] == [0, 1, 0]


@pytest.mark.parametrize("place", range(6))
def test_room_of_another_size_or_type_is_refused(place: int) -> None:
    data = encode_summary(summarise_wide([])[0], WIDE)
    for wrong in (np.zeros(1), np.zeros(1, np.int64), np.zeros(1000, np.float32), [0.0], bytes(800), array.array("d")):
        room = rooms(READER)
        room[place] = wrong
        with pytest.raises(SketchError, match="needed, not"):
            READER.read_into(data, *room)


def test_a_score_that_leaves_a_row_over_is_refused() -> None:
    reader = SummaryReader(msgspec.structs.replace(BASELINE, score=WIDE.score))
    data = encode_summary(summarise([(0.0, 0.0)]), BASELINE)
    assert data.endswith(bytes(4))  # no latency, no parts
    for scores, told in ((b"\2", "score do not add up"), (b"\0\4\0\0", "score do not add up"), (b"\1", None)):
        tampered = data[:-1] + scores + b"\0"
        if told is None:
            assert reader.read(tampered).score_counts == (0, 0, 0, 0)
        else:
            with pytest.raises(SketchError, match=told):
                reader.rows(tampered)
