"""Reading a baseline: what contradicts itself is refused."""

import math
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.baseline import MAX_BASELINE_BYTES, Baseline, decode_baseline, encode_baseline
from device_contract.errors import SketchError
from device_contract.limits import Limits
from tests.device_contract.sketches.strategies import BASELINE, WIDE, stream


def test_a_baseline_survives_its_round_trip() -> None:
    assert decode_baseline(encode_baseline(BASELINE)) == BASELINE
    assert decode_baseline(memoryview(encode_baseline(BASELINE))) == BASELINE


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ("do not ascend", {"edges": (1.0, 1.0)}),
        ("do not ascend", {"edges": (2.0, 1.0)}),
        ("do not ascend", {"edges": (math.nan,), "counts": (0, 4)}),
        ("do not ascend", {"edges": (0.0, math.inf)}),
        ("not a float32", {"edges": (0.0, 0.1)}),
        ("not a float32", {"edges": (0.0, 1e300)}),
        ("do not fit its edges", {"counts": (4,)}),
        ("do not fit its edges", {"counts": (1, 1, 1)}),
        ("malformed", {"counts": (5, -1, 0)}),
        ("malformed", {"rows": -4}),
        ("malformed", {"edges": ()}),
        ("malformed", {"edges": tuple(map(float, range(256)))}),
        ("malformed", {"kind": "text"}),
        ("moments", {"mean": math.nan}),
        ("moments", {"maximum": math.inf}),
        ("moments", {"standard_deviation": -1.0}),
        ("range", {"range_minimum": math.nan}),
    ],
)
def test_a_stream_that_contradicts_itself_is_refused(told: str, changes: dict[str, Any]) -> None:
    wrong = msgspec.structs.replace(stream((0.0, 1.0)), **changes)
    with pytest.raises(SketchError, match=told):
        decode_baseline(encode_baseline(Baseline(streams=(wrong,))))


WHOLE = msgspec.structs.replace(
    WIDE,
    score=msgspec.structs.replace(
        WIDE.score, labelled=(1, 1, 0, 2), positive=(0, 1, 0, 2), score_sums=(0.125, 0.25, 0.0, 1.75)
    ),
    attributions=(1.0, 0.0, 0.5, 2.0),
    limits=Limits(rates=(10.0, 1.0), families=("location", "shape"), levels=((5.0, 6.0), (5.5, 6.5))),
    season_ms=604_800_000,
)


def test_every_part_survives_its_round_trip() -> None:
    assert decode_baseline(encode_baseline(WHOLE)) == WHOLE
    short = msgspec.msgpack.encode(msgspec.msgpack.decode(encode_baseline(BASELINE))[:2])
    assert decode_baseline(short) == BASELINE  # as it was before there were parts


def test_golden_bytes_are_read_and_written_for_ever(golden: Path) -> None:
    data = (golden / "baseline" / "everything.msgpack").read_bytes()
    assert encode_baseline(WHOLE) == data
    assert decode_baseline(data) == WHOLE


NAN = struct.pack("<f", math.nan)


@pytest.mark.parametrize(
    ("part", "told", "changes"),
    [
        ("projection", "do not ascend", {"features": (0, 0, 3)}),
        ("projection", "do not ascend", {"features": (0, 1, 4)}),
        ("projection", "do not fit", {"components": bytes(20)}),
        ("projection", "no directions", {"components": NAN * 6}),
        ("projection", "no directions", {"components": struct.pack("<6f", 2, 0, 0, 0, 1, 0)}),
        ("projection", "are not numbers", {"q_mean": math.inf}),
        ("projection", "are not numbers", {"t2_variance": -1.0}),
        ("projection", "are not numbers", {"q_lag1_correlation": math.nan}),
        ("projection", "next to nothing", {"eigenvalues": (2.0, 1e-9)}),
        ("projection", "malformed", {"eigenvalues": (1.0,) * 6}),
        ("score", "do not ascend", {"edges": (0.5, 0.5, 0.75)}),
        ("score", "not a float32", {"edges": (0.1, 0.5, 0.75)}),
        ("score", "counts of the score", {"counts": (1, 2)}),
        ("score", "labels of the score do not fit", {"labelled": ()}),
        ("score", "labels of the score do not fit", {"score_sums": (1.0,)}),
        ("score", "are right than there are", {"positive": (2, 1, 0, 2)}),
        ("score", "have a label than there are", {"labelled": (5, 1, 0, 2)}),
        ("score", "a sum of the score", {"score_sums": (math.nan,) * 4}),
        ("score", "malformed", {"kind": "guess"}),
        ("limits", "levels do not fit", {"levels": ((1.0, 2.0),)}),
        ("limits", "levels do not fit", {"levels": ((1.0,), (2.0,))}),
        ("limits", "is not a number", {"rates": (math.nan, 1.0)}),
    ],
)
def test_a_part_that_contradicts_itself_is_refused(part: str, told: str, changes: dict[str, Any]) -> None:
    wrong = msgspec.structs.replace(getattr(WHOLE, part), **changes)
    with pytest.raises(SketchError, match=told):
        decode_baseline(encode_baseline(msgspec.structs.replace(WHOLE, **{part: wrong})))


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ("correlations do not fit", {"correlations": bytes(8)}),
        ("correlations do not fit", {"projection": None}),
        ("beyond one", {"correlations": NAN * 3}),
        ("attributions do not fit", {"attributions": (1.0,)}),
        ("attributions do not fit", {"attributions": (1.0, math.nan, 0.0, 0.0)}),
        ("does not vary", {"streams": (stream((0.0,), standard_deviation=0.0), *WHOLE.streams[1:])}),
        ("malformed", {"season_ms": 0}),
    ],
)
def test_parts_that_contradict_the_streams_are_refused(told: str, changes: dict[str, Any]) -> None:
    with pytest.raises(SketchError, match=told):
        decode_baseline(encode_baseline(msgspec.structs.replace(WHOLE, **changes)))


def test_an_output_before_a_feature_is_refused() -> None:
    with pytest.raises(SketchError, match="an output stands before a feature"):
        decode_baseline(encode_baseline(Baseline(streams=BASELINE.streams[::-1])))


@pytest.mark.parametrize("data", [b"", b"\x92\x02\x90", b"\x92\x01\x90", bytes(MAX_BASELINE_BYTES + 1), b"\xff" * 99])
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(SketchError):
        decode_baseline(data)


@given(st.binary(max_size=100))
def test_rubbish_is_one_error(data: bytes) -> None:
    with pytest.raises(SketchError):
        decode_baseline(b"\x92\x01" + data)


def test_every_truncation_is_refused() -> None:
    whole = encode_baseline(WHOLE)
    for length in range(len(whole)):
        with pytest.raises(SketchError):
            decode_baseline(whole[:length])
