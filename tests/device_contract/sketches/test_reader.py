"""Reading into flat arrays: the same numbers as the objects hold, and room that is checked."""

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


def rooms(reader: SummaryReader, n: int, stride: int = 0) -> list[Any]:
    """Arrays full of what must not stay."""
    return [
        np.full((n, reader.n_streams, stride or reader.n_bins), 7),
        np.full((n, reader.n_streams, len(STREAM_NUMBERS)), 7.0),
        np.full((n, len(WINDOW_NUMBERS)), 7.0),
        np.full((n, reader.n_features), 7.0),
        np.full((n, reader.n_comoments), 7.0),
    ]


@given(wide_summaries)
def test_arrays_hold_what_objects_hold(sent: WindowSummary) -> None:
    data = encode_summary(sent, WIDE)
    room = rooms(READER, 2, stride=9)
    assert READER.read_rows([b"", data], *room) == ["summary ends early", ""]
    assert not any(values[0].any() for values in room)
    counts, streams, window, attributions, comoments = (values[1] for values in room)
    read = READER.read(data)
    named = dict(zip(WINDOW_NUMBERS, window.tolist(), strict=True))
    assert READER.rows(data) == named["rows"] == sent.rows
    assert (named["t2"], named["q_squares"]) == (read.projection.t2, read.projection.q_squares)
    assert (named["cpu_ns"], named["peak_rss_bytes"]) == (read.resources.cpu_ns, read.resources.peak_rss_bytes)
    assert named["latency_sum_ns"] == read.latency.sum_ns
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
    room = rooms(reader, 1)
    assert reader.read_rows([encode_summary(sent, BASELINE)], *room) == [""]
    assert room[2][0, 0] == sent.rows
    assert [part.shape[1] for part in room[3:]] == [1, 0]


@pytest.mark.parametrize("place", range(5))
def test_room_of_another_size_or_type_is_refused(place: int) -> None:
    data = encode_summary(summarise_wide([])[0], WIDE)
    right = rooms(READER, 1)[place]
    for wrong in (np.zeros(1), right.astype(np.float32), right[:, :1], rooms(READER, 2)[place], [0.0], bytes(800)):
        room = rooms(READER, 1)
        room[place] = wrong
        with pytest.raises(SketchError, match="are needed"):
            READER.read_rows([data], *room)


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
