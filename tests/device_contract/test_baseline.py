"""Reading a baseline: what contradicts itself is refused."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.baseline import MAX_BASELINE_BYTES, Baseline, decode_baseline, encode_baseline
from device_contract.errors import SketchError
from tests.device_contract.sketches.strategies import BASELINE, stream


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
    whole = encode_baseline(BASELINE)
    for length in range(len(whole)):
        with pytest.raises(SketchError):
            decode_baseline(whole[:length])
