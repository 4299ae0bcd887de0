"""The encoding: round trip, golden bytes, and rubbish."""

import math
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.sketches import (
    MAX_SUMMARY_BYTES,
    LatencyHistogram,
    StreamSketch,
    WindowSummary,
    decode_summary,
    empty_summary,
    encode_summary,
)
from device_contract.sketches.varint import MAX_VALUE, Reader, append
from tests.device_contract.sketches.strategies import BASELINE, Row, stream, summaries, summarise

GOLDEN = Path("tests/golden/sketches")
EXACT = ("pivot", "counts", "missing", "infinite", "out_of_range", "lag_pairs", "minimum", "maximum")


def assert_close(sent: StreamSketch, got: StreamSketch) -> None:
    assert [getattr(sent, name) for name in EXACT] == [getattr(got, name) for name in EXACT]
    if not sent.finite:
        assert (got.sum, got.sum_squares, got.lag_products) == (0.0, 0.0, 0.0)
        return
    offset, deviation = sent.sum / sent.finite, math.sqrt(sent.variance)
    # an offset beyond float32 is clamped; a deviation far below it has lost its digits in the sums already
    assert got.sum / got.finite == pytest.approx(max(min(offset, 3.4028235e38), -3.4028235e38), rel=2**-23, abs=1e-44)
    assert math.sqrt(got.variance) == pytest.approx(deviation, rel=2**-22, abs=1e-6 * abs(offset) + 1e-44)


@given(summaries)
def test_a_summary_survives_its_round_trip(sent: WindowSummary) -> None:
    got = decode_summary(encode_summary(sent), BASELINE)
    assert (got.rows, got.latency) == (sent.rows, sent.latency)
    for one, other in zip(sent.streams, got.streams, strict=True):
        assert_close(one, other)


def test_moments_keep_seven_digits() -> None:
    numbers = random.Random(3)
    sent = summarise([(numbers.gauss(3.0, 0.01), numbers.gauss(-50.0, 2.0)) for _ in range(1000)])
    got = decode_summary(encode_summary(sent), BASELINE)
    for one, other in zip(sent.streams, got.streams, strict=True):
        assert other.mean == pytest.approx(one.mean, rel=2**-23)
        assert other.variance == pytest.approx(one.variance, rel=2**-21)
        assert other.lag1_correlation == pytest.approx(one.lag1_correlation, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 2**30), st.integers(1, 2**20)), max_size=20))
def test_latencies_survive_exactly(observed: list[tuple[int, int]]) -> None:
    counts = [0] * 320
    for place, count in observed:
        counts[place % 320] += count
    latency = LatencyHistogram(counts=tuple(counts), sum_ns=sum(place for place, _ in observed), maximum_ns=2**40)
    sent = msgspec.structs.replace(empty_summary(BASELINE), latency=latency)
    assert decode_summary(encode_summary(sent), BASELINE) == sent


@given(st.binary(max_size=200))
def test_rubbish_is_one_error(data: bytes) -> None:
    for candidate in (data, b"\x01" + data, b"\x01\x05\x02" + data):
        try:
            summary = decode_summary(candidate, BASELINE)
        except SketchError:
            continue
        assert all(s.finite + s.missing + s.infinite == summary.rows for s in summary.streams)


@given(summaries, st.data())
def test_what_decodes_after_damage_still_adds_up(summary: WindowSummary, data: st.DataObject) -> None:
    damaged = bytearray(encode_summary(summary))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        got = decode_summary(bytes(damaged), BASELINE)
    except SketchError:
        return
    for sketch in got.streams:
        assert sketch.finite + sketch.missing + sketch.infinite == got.rows
        assert min(sketch.counts) >= 0
        assert max(sketch.out_of_range, sketch.lag_pairs) <= sketch.finite
        assert not math.isnan(sketch.sum + sketch.sum_squares + sketch.lag_products)


def test_every_truncation_is_refused() -> None:
    whole = encode_summary(summarise(golden_rows(10)))
    for length in range(len(whole)):
        with pytest.raises(SketchError):
            decode_summary(whole[:length], BASELINE)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "ends early"),
        (b"\x02\x00\x02", "version 2"),
        (b"\x01\x00\x03", "3 streams, the baseline has 2"),
        (b"\x01\x00\x02\x10", "unknown flags 16"),
        (b"\x01\x01\x02\x01\x02", "do not add up to 1 rows"),
        (b"\x01\x01\x02\x04\x02", "do not add up to 1 rows"),
        (b"\x01\x01\x02\x08\x02", "do not add up to 1 rows"),
        (b"\x01\x01\x02\x00\x01" + bytes(8), "a count of 'x' is negative"),
        (b"\x01\x01\x02\x00\x04" + bytes(8), "a count of 'x' is negative"),
        (b"\x01\x80\x00", "malformed integer"),
        (b"\x01" + b"\xff" * 20, "malformed integer"),
        (b"\x01" + b"\xff" * 7 + b"\x7f", "malformed integer"),
        (b"\x01\x00\x02\x00\x00\x00\x00\x00\x00", "1 bytes too many"),
        (b"\x01\x00\x02\x00\x00\x00\x00\x01\xc0\x02\x01", "malformed latency"),
        (b"\x01\x00\x02\x00\x00\x00\x00\x02\x01\x01\x00\x01", "malformed latency"),
        (bytes(MAX_SUMMARY_BYTES + 1), "limit 65536"),
    ],
)
def test_malformed_bytes_are_refused_by_name(data: bytes, told: str) -> None:
    with pytest.raises(SketchError, match=told):
        decode_summary(data, BASELINE)


@pytest.mark.parametrize("moments", ["7fc00000", "7f800000", "ff800000"])
@pytest.mark.parametrize("place", range(5))
def test_moments_that_are_not_numbers_are_refused(moments: str, place: int) -> None:
    data = bytearray(encode_summary(summarise([(0.0, 0.0)])))
    start = 1 + 1 + 1 + 1 + 1 + 9 + 4 * place  # version, rows, streams, flags, broken pairs, nine bins
    data[start : start + 4] = bytes.fromhex(moments)[::-1]
    with pytest.raises(SketchError, match="impossible moments"):
        decode_summary(bytes(data), BASELINE)


def test_a_summary_that_does_not_add_up_is_not_encoded() -> None:
    summary = summarise([(0.0, 0.0)])
    with pytest.raises(SketchError, match="1 \\+ 0 \\+ 0 values in 2 rows"):
        encode_summary(msgspec.structs.replace(summary, rows=2))
    with pytest.raises(SketchError, match="320 buckets"):
        encode_summary(msgspec.structs.replace(summary, latency=LatencyHistogram(counts=())))


def test_a_summary_that_no_report_can_hold_is_not_encoded() -> None:
    many = Baseline(streams=BASELINE.streams[:1] * 40_000)
    with pytest.raises(SketchError, match="limit 65536"):
        encode_summary(msgspec.structs.replace(empty_summary(many), streams=empty_summary(many).streams * 2))


@given(st.integers(0, MAX_VALUE))
def test_an_integer_survives_in_the_fewest_bytes(value: int) -> None:
    out = bytearray()
    append(out, value)
    assert len(out) == max(1, math.ceil(value.bit_length() / 7))
    reader = Reader(bytes(out))
    assert reader.varint() == value
    reader.finish()


@pytest.mark.parametrize("value", [-1, MAX_VALUE + 1])
def test_what_is_no_count_is_not_written(value: int) -> None:
    with pytest.raises(SketchError, match="not a count"):
        append(bytearray(), value)


def golden_rows(length: int) -> list[Row]:
    """Rows with something of everything, without a random generator that may change."""
    special = {3: math.nan, 5: math.inf, 7: -math.inf}
    return [(special.get(i, (i * 37 % 101) / 16 - 3.0), (i * 53 % 97) / 8 - 6.0) for i in range(length)]


@pytest.mark.parametrize("length", [0, 1, 10, 1000])
def test_golden_bytes_are_read_and_written_for_ever(length: int) -> None:
    golden = bytes.fromhex((GOLDEN / f"summary-{length}.hex").read_text())
    latency = LatencyHistogram(
        counts=(0,) * 80 + (length,) + (0,) * 239, sum_ns=1100 * length, maximum_ns=1100 * min(length, 1)
    )
    summary = msgspec.structs.replace(summarise(golden_rows(length)), latency=latency)
    assert encode_summary(summary) == golden
    decoded = decode_summary(golden, BASELINE)
    assert decoded.latency == latency
    for one, other in zip(summary.streams, decoded.streams, strict=True):
        assert_close(one, other)


def test_a_window_of_thirty_features_takes_about_a_kilobyte() -> None:
    deciles = [-3.0, -2.58, -1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28, 2.58, 3.0]
    numbers = random.Random(4)
    window = summarise(
        [(numbers.gauss(0.0, 1.0), numbers.gauss(0.0, 1.0)) for _ in range(2000)],
        Baseline(streams=(stream(deciles), stream(deciles, role="output"))),
    )
    thirty_one = msgspec.structs.replace(window, streams=window.streams[:1] * 30 + window.streams[1:])
    assert 1_100 <= len(encode_summary(thirty_one)) <= 1_300
