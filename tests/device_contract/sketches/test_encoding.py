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
from tests.device_contract.sketches.strategies import (
    BASELINE,
    WIDE,
    Row,
    complete,
    stream,
    summaries,
    summarise,
    summarise_wide,
    wide_summaries,
)

EMPTY = b"\x02\x00\x02\x00\x00"
"""Version, rows and streams of no row."""
METRIC = b"\1m\1" + bytes(32)
MAX_SHORT = (2 - 2**-15) * 2.0**127
GOLDEN = Path("tests/golden/sketches")
EXACT = (
    "pivot",
    "counts",
    "missing",
    "infinite",
    "out_of_range",
    "lag_pairs",
    "repeats",
    "longest_run",
    "minimum",
    "maximum",
)


def assert_close(sent: StreamSketch, got: StreamSketch) -> None:
    assert [getattr(sent, name) for name in EXACT] == [getattr(got, name) for name in EXACT]
    if not sent.finite:
        assert (got.sum, got.sum_squares, got.lag_products) == (0.0, 0.0, 0.0)
        return
    offset, deviation = sent.sum / sent.finite, math.sqrt(sent.variance)
    # an offset beyond 24 bits is clamped; a deviation far below it has lost its digits in the sums already
    assert got.sum / got.finite == pytest.approx(max(min(offset, MAX_SHORT), -MAX_SHORT), rel=2**-16, abs=1e-42)
    assert math.sqrt(got.variance) == pytest.approx(deviation, rel=2**-15, abs=1e-6 * abs(offset) + 1e-42)


@given(summaries)
def test_a_summary_survives_its_round_trip(sent: WindowSummary) -> None:
    got = decode_summary(encode_summary(sent, BASELINE), BASELINE)
    assert (got.rows, got.latency) == (sent.rows, sent.latency)
    for one, other in zip(sent.streams, got.streams, strict=True):
        assert_close(one, other)


@given(wide_summaries)
def test_every_part_survives_its_round_trip(sent: WindowSummary) -> None:
    got = decode_summary(encode_summary(sent, WIDE), WIDE)
    assert (got.score_counts, got.metrics, got.resources) == (sent.score_counts, sent.metrics, sent.resources)
    greatest = max(sent.attributions.sums, default=0.0)
    assert got.attributions.rows == sent.attributions.rows
    assert got.attributions.sums == pytest.approx(sent.attributions.sums, rel=2**-23, abs=greatest / 65_535)
    before, after = sent.projection, got.projection
    assert (after.rows, after.t2, after.q) == (
        before.rows,
        *(pytest.approx(x, rel=2**-23) for x in (before.t2, before.q)),
    )
    assert after.t2_squares == pytest.approx(before.t2_squares, rel=1e-5)
    assert (got.comoments is None) == (sent.comoments is None)
    if got.comoments and sent.comoments:
        assert got.comoments.products == pytest.approx(sent.comoments.products, rel=2**-23)


def test_moments_keep_five_digits() -> None:
    numbers = random.Random(3)
    sent = summarise([(numbers.gauss(3.0, 0.01), numbers.gauss(-50.0, 2.0)) for _ in range(1000)])
    got = decode_summary(encode_summary(sent, BASELINE), BASELINE)
    for one, other in zip(sent.streams, got.streams, strict=True):
        assert other.mean == pytest.approx(one.mean, rel=2**-16)
        assert other.variance == pytest.approx(one.variance, rel=2**-14)
        assert other.lag1_correlation == pytest.approx(one.lag1_correlation, abs=1e-4)


@given(st.lists(st.tuples(st.integers(1, 2**30), st.integers(1, 2**20)), max_size=20))
def test_latencies_survive_exactly(observed: list[tuple[int, int]]) -> None:
    counts = [0] * 320
    for place, count in observed:
        counts[place % 320] += count
    latency = LatencyHistogram(counts=tuple(counts), sum_ns=sum(place for place, _ in observed), maximum_ns=2**40)
    sent = msgspec.structs.replace(empty_summary(BASELINE), latency=latency)
    assert decode_summary(encode_summary(sent, BASELINE), BASELINE) == sent


@given(st.binary(max_size=200))
def test_rubbish_is_one_error(data: bytes) -> None:
    for candidate in (data, b"\x02" + data, b"\x02\x05\x02" + data):
        try:
            summary = decode_summary(candidate, BASELINE)
        except SketchError:
            continue
        assert all(s.finite + s.missing + s.infinite == summary.rows for s in summary.streams)


@given(summaries, st.data())
def test_what_decodes_after_damage_still_adds_up(summary: WindowSummary, data: st.DataObject) -> None:
    damaged = bytearray(encode_summary(summary, BASELINE))
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
    whole = encode_summary(summarise(golden_rows(10)), BASELINE)
    for length in range(len(whole)):
        with pytest.raises(SketchError):
            decode_summary(whole[:length], BASELINE)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "ends early"),
        (b"\x01\x00\x02", "another version than 2"),
        (b"\x03\x00\x02", "another version than 2"),
        (b"\x02\x00\x03", "another number of streams"),
        (b"\x02\x00\x02\x20", "unknown flags, stream 'x'"),
        (b"\x02\x01\x02\x01\x02", "do not add up to the rows, stream 'x'"),
        (b"\x02\x01\x02\x04\x02", "do not add up to the rows, stream 'x'"),
        (b"\x02\x01\x02\x08\x02", "do not add up to the rows, stream 'x'"),
        (b"\x02\x01\x02\x10\x02\x02", "do not add up to the rows, stream 'x'"),
        (b"\x02\x01\x02\x10\x01\x00", "do not add up to the rows, stream 'x'"),
        (b"\x02\x01\x02\x00\x01" + bytes(8), "a count is negative, stream 'x'"),
        (b"\x02\x01\x02\x00\x04" + bytes(8), "a count is negative, stream 'x'"),
        (b"\x02\x80\x00", "malformed integer"),
        (b"\x02" + b"\xff" * 20, "malformed integer"),
        (b"\x02" + b"\xff" * 7 + b"\x7f", "malformed integer"),
        (EMPTY + b"\0\0\0\0\0", "bytes too many"),
        (EMPTY + b"\0\0\1\0\xc0\2\0", "malformed latency"),
        (EMPTY + b"\0\0\1\0\0\0", "malformed latency"),
        (EMPTY + b"\0\0\3\0\xbf\2\1\1\0", "malformed latency"),
        (EMPTY + b"\0\0\0\x20", "unknown parts"),
        (EMPTY + b"\0\0\0\x01\1" + bytes(16), "impossible sums of the projection"),
        (EMPTY + b"\0\0\0\x01\0" + bytes.fromhex("0000807f") * 4, "impossible sums of the projection"),
        (EMPTY + b"\0\0\0\x02\0" + bytes(6), "impossible attributions"),
        (EMPTY + b"\0\0\0\x02\1" + bytes.fromhex("000080bf") + bytes(2), "impossible attributions"),
        (EMPTY + b"\0\0\0\x08\1" + bytes(99), "impossible co-moments"),
        (EMPTY + b"\0\0\0\x10", "ends early"),
        (EMPTY + b"\0\0\0\x10\0", "0 metrics"),
        (EMPTY + b"\0\0\0\x10\1\0", "name of a metric of 0 bytes"),
        (EMPTY + b"\0\0\0\x10\1\1\xff", "malformed name"),
        (EMPTY + b"\0\0\0\x10\1\1m\0" + bytes(32), "impossible metric 'm'"),
        (EMPTY + b"\0\0\0\x10\2" + METRIC * 2, "comes twice"),
        (EMPTY + b"\0\0\0\x10\1" + METRIC + b"\0", "1 bytes too many"),
        (bytes(MAX_SUMMARY_BYTES + 1), "limit 65536"),
    ],
)
def test_malformed_bytes_are_refused_by_name(data: bytes, told: str) -> None:
    with pytest.raises(SketchError, match=told):
        decode_summary(data, BASELINE)


@pytest.mark.parametrize("moments", ["7fc00000", "7f800000", "ff800000"])
@pytest.mark.parametrize(("place", "size"), [(0, 3), (3, 3), (8, 4), (12, 4)])
def test_moments_that_are_not_numbers_are_refused(moments: str, place: int, size: int) -> None:
    data = bytearray(encode_summary(summarise([(0.0, 0.0)]), BASELINE))
    start = 1 + 1 + 1 + 1 + 1 + 9 + place  # version, rows, streams, flags, broken pairs, nine bins
    data[start : start + size] = bytes.fromhex(moments)[::-1][-size:]
    with pytest.raises(SketchError, match="impossible moments"):
        decode_summary(bytes(data), BASELINE)


def test_a_summary_that_does_not_add_up_is_not_encoded() -> None:
    summary = summarise([(0.0, 0.0)])
    with pytest.raises(SketchError, match="1 \\+ 0 \\+ 0 values in 2 rows"):
        encode_summary(msgspec.structs.replace(summary, rows=2), BASELINE)
    with pytest.raises(SketchError, match="320 buckets"):
        encode_summary(msgspec.structs.replace(summary, latency=LatencyHistogram(counts=())), BASELINE)


def test_a_summary_that_no_report_can_hold_is_not_encoded() -> None:
    many = Baseline(streams=BASELINE.streams[:1] * 3000)
    one = summarise([(0.0, 0.0)])
    with pytest.raises(SketchError, match="limit 65536"):
        encode_summary(msgspec.structs.replace(one, streams=one.streams[:1] * 3000), many)


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
    golden = bytes.fromhex((GOLDEN / f"second-{length}.hex").read_text())
    latency = LatencyHistogram(
        counts=(0,) * 80 + (length,) + (0,) * 239, sum_ns=1100 * length, maximum_ns=1100 * min(length, 1)
    )
    summary = msgspec.structs.replace(summarise(golden_rows(length)), latency=latency)
    assert encode_summary(summary, BASELINE) == golden
    decoded = decode_summary(golden, BASELINE)
    assert decoded.latency == latency
    for one, other in zip(summary.streams, decoded.streams, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("length", [0, 1, 10, 1000])
def test_the_first_version_is_refused(length: int) -> None:
    with pytest.raises(SketchError, match="another version than 2"):
        decode_summary(bytes.fromhex((GOLDEN / f"summary-{length}.hex").read_text()), BASELINE)


def test_golden_bytes_of_every_part_are_read_and_written_for_ever() -> None:
    golden = bytes.fromhex((GOLDEN / "second-everything.hex").read_text())
    rows = [((x, y, i % 3, x - y), (0.25, (i * 29 % 64) / 64)) for i, (x, y) in enumerate(golden_rows(200))]
    summary = complete(summarise_wide(rows)[0])
    assert encode_summary(summary, WIDE) == golden
    assert decode_summary(golden, WIDE).comoments is not None


def test_a_summary_of_another_baseline_is_not_encoded() -> None:
    with pytest.raises(SketchError, match="2 streams, the baseline has 6"):
        encode_summary(empty_summary(BASELINE), WIDE)
    other = Baseline(streams=(stream((0.0,)), *BASELINE.streams[1:]))
    with pytest.raises(SketchError, match="10 bins, the baseline has 2"):
        encode_summary(summarise([(0.0, 0.0)]), other)
