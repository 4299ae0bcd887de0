"""The features of a frame, held against NumPy and SciPy."""

import array
import itertools
import math
from typing import Any

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device_contract.errors import RowError
from device_contract.frames import STATISTICS, Band, Channel, Frame, FrameFeature, Framer

Samples = NDArray[np.float32]
LENGTHS = (2, 3, 8, 12, 50, 64, 97, 1000, 1024)
"""Powers of two and others, odd and even, a prime."""


def frame_of(  # noqa: PLR0913  (what a test may vary)
    n_channels: int = 1,
    *,
    length: int = 16,
    hop: int | None = None,
    features: tuple[FrameFeature, ...] = STATISTICS,
    bands: tuple[tuple[float, float], ...] = (),
    rate_hz: float = 100.0,
) -> Frame:
    """Return a frame of channels a, b, c ..."""
    return Frame(
        sample_rate_hz=rate_hz,
        length=length,
        hop=hop or length,
        channels=tuple(Channel(name=chr(ord("a") + number)) for number in range(n_channels)),
        features=features,
        bands=tuple(Band(low_hz=low, high_hz=high) for low, high in bands),
    )


def rows_of(frame: Frame, stream: Samples) -> Samples:
    """Push a stream, (n_samples, n_channels), and return every row that comes, (n_rows, n_features)."""
    framer = Framer(frame)
    rows = [np.array(framer.row) for sample in stream if framer.push(sample)]
    return np.array(rows, dtype=np.float32).reshape(-1, framer.n_features)


def at_once(frame: Frame, frames: Samples) -> Samples:
    """Return the rows of whole frames, (n_frames, n_channels, length)."""
    framer = Framer(frame)
    return np.frombuffer(framer.rows(np.ascontiguousarray(frames).data), np.float32).reshape(-1, framer.n_features)


def cut(stream: Samples, length: int, hop: int) -> Samples:
    """Cut a stream into frames, (n_frames, n_channels, length)."""
    starts = range(0, len(stream) - length + 1, hop)
    frames = [stream[start : start + length].T for start in starts]
    return np.array(frames, dtype=np.float32).reshape(len(starts), stream.shape[1], length)


def expected_statistics(samples: Samples) -> NDArray[np.float64]:
    """Return NumPy's and SciPy's statistics of one channel, in the order of the row."""
    x = samples.astype(np.float64)
    rms = np.sqrt(np.mean(x**2))
    below = x < 0
    return np.array(
        [
            x.mean(),
            x.std(),
            rms,
            x.min(),
            x.max(),
            np.ptp(x),
            scipy.stats.skew(x),
            scipy.stats.kurtosis(x),
            np.abs(x).max() / rms,
            np.count_nonzero(below[1:] != below[:-1]),
        ]
    )


def expected_power(samples: Samples, rate_hz: float, low_hz: float, high_hz: float) -> float:
    """Return the power in a band by SciPy's periodogram."""
    n = len(samples)
    _, density = scipy.signal.periodogram(samples.astype(np.float64), rate_hz, window="hann", detrend="constant")
    frequencies = np.arange(n // 2 + 1) * rate_hz / n
    within = (frequencies >= low_hz) & ((frequencies < high_hz) | (high_hz >= rate_hz / 2))
    return float(density[within].sum() * rate_hz / n)


@pytest.mark.parametrize(
    "hop_of", [lambda n: n, lambda n: max(n // 4, 1), lambda n: max(n // 3, 1), lambda n: 2 * n + 1]
)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_statistics_are_those_of_scipy(length: int, hop_of: Any, offset: float) -> None:
    hop = hop_of(length)
    stream = (np.random.default_rng(length).gamma(2.0, size=(3 * length + 5, 2)) - 2.0 + offset).astype(np.float32)
    frames = cut(stream, length, hop)
    expected = [np.concatenate([expected_statistics(channel) for channel in frame]) for frame in frames]
    np.testing.assert_allclose(rows_of(frame_of(2, length=length, hop=hop), stream), expected, rtol=2e-7, atol=1e-6)


@pytest.mark.parametrize("length", LENGTHS)
def test_band_powers_are_those_of_scipy(length: int) -> None:
    rate_hz = 100.0
    bin_hz = rate_hz / length
    pairs = ((0.0, 50.0), (0.0, min(1.5 * bin_hz, 50.0)), (max(50.0 - 1.1 * bin_hz, 0.0), 50.0))
    bands = tuple(dict.fromkeys(pairs))
    samples = np.random.default_rng(length).normal(3.0, size=length).astype(np.float32)
    row = at_once(frame_of(length=length, features=(), bands=bands), samples[None, None])[0]
    expected = [expected_power(samples, rate_hz, *band) for band in bands]
    np.testing.assert_allclose(row, expected, rtol=2e-7, atol=1e-12)


def test_a_sine_is_in_its_band() -> None:
    frame = frame_of(
        length=500, rate_hz=1000.0, features=("rms", "crest_factor"), bands=((10, 50), (50, 60), (60, 500))
    )
    sine = np.sin(2 * np.pi * 55.0 * np.arange(500) / 1000.0 + 0.1).astype(np.float32)
    rms, crest, below, within, above = at_once(frame, sine[None, None])[0]
    assert (rms, crest) == pytest.approx((math.sqrt(0.5), math.sqrt(2)), rel=1e-2)
    assert within == pytest.approx(0.5, rel=0.05)
    assert max(below, above) < 0.02


@given(
    length=st.integers(2, 40),
    hop=st.integers(1, 50),
    n_channels=st.integers(1, 3),
    values=st.data(),
)
@settings(max_examples=100)
def test_a_row_depends_on_the_samples_of_its_frame_only(length: int, hop: int, n_channels: int, values: Any) -> None:
    """Pushed live behind any past, or computed at once: the same bits."""
    cell = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, 1.5, math.nan])
    n_samples = length + 2 * hop + 3
    flat = values.draw(st.lists(cell, min_size=n_samples * n_channels, max_size=n_samples * n_channels))
    stream = np.array(flat, dtype=np.float32).reshape(n_samples, n_channels)
    every: tuple[FrameFeature, ...] = (*STATISTICS, "samples")
    frame = frame_of(n_channels, length=length, hop=hop, features=every, bands=((0.0, 50.0),))
    live, alone = rows_of(frame, stream), at_once(frame, cut(stream, length, hop))
    assert len(live) == len(alone)
    np.testing.assert_array_equal(live.view(np.uint32), alone.view(np.uint32))


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=24, max_size=24), st.sampled_from([3, 5, 8, 24]))
def test_statistics_of_any_samples_are_scipys(values: list[float], hop: int) -> None:
    samples = np.array(values, dtype=np.float32)
    row = at_once(frame_of(length=24, hop=hop), samples[None, None])[0].astype(np.float64)
    scale = float(np.abs(samples).max()) or 1.0
    if np.ptp(samples) < 1e-3 * scale or scale < 1e-30:
        return  # SciPy's own digits are gone
    np.testing.assert_allclose(row[:6] / scale, expected_statistics(samples)[:6] / scale, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(row[6:], expected_statistics(samples)[6:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [0.1, -7.25e8, 1e-40])
@pytest.mark.parametrize("hop", [7, 21, 64])
def test_a_constant_has_no_shape(value: float, hop: int) -> None:
    constant = np.full((1, 1, 64), value, dtype=np.float32)
    row = dict(zip(STATISTICS, at_once(frame_of(length=64, hop=hop), constant)[0], strict=True))
    assert row["mean"] == row["minimum"] == row["maximum"] == np.float32(value)
    assert row["rms"] == abs(np.float32(value))
    assert row["crest_factor"] == 1.0
    nothing = ("standard_deviation", "peak_to_peak", "skewness", "kurtosis", "zero_crossings")
    assert [row[name] for name in nothing] == [0.0] * 5


def test_zeros_have_zeros_everywhere() -> None:
    assert not at_once(frame_of(bands=((0, 50),)), np.zeros((1, 1, 16), dtype=np.float32)).any()


def test_zero_is_not_below_zero() -> None:
    samples = np.array([[[1, 0, -0.0, -1, 0, 1, -1, -2]]], dtype=np.float32)
    assert at_once(frame_of(length=8, hop=3, features=("zero_crossings",)), samples)[0, 0] == 3


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(8))
def test_what_is_not_finite_takes_its_channel_and_no_other(missing: float, place: int) -> None:
    frames = np.random.default_rng(1).normal(size=(1, 2, 8)).astype(np.float32)
    frame = frame_of(2, length=8, hop=3, bands=((0, 50),))
    before = at_once(frame, frames)[0]
    frames[0, 1, place] = missing
    after = at_once(frame, frames)[0]
    np.testing.assert_array_equal(after[:11], before[:11])
    assert np.isnan(after[11:]).all()


def test_what_is_missing_goes_by() -> None:
    stream = np.ones((40, 1), dtype=np.float32)
    stream[9] = np.nan
    rows = rows_of(frame_of(length=8, hop=4, features=("mean",)), stream)[:, 0]
    np.testing.assert_array_equal(np.isnan(rows), [False, True, True, False, False, False, False, False, False])


def test_the_samples_come_in_the_order_of_time() -> None:
    stream = np.arange(14, dtype=np.float32).reshape(7, 2)
    rows = rows_of(frame_of(2, length=3, hop=2, features=("maximum", "samples")), stream)
    np.testing.assert_array_equal(
        rows, [[4, 0, 2, 4, 5, 1, 3, 5], [8, 4, 6, 8, 9, 5, 7, 9], [12, 8, 10, 12, 13, 9, 11, 13]]
    )


def test_a_selection_keeps_its_numbers() -> None:
    frames = np.random.default_rng(2).normal(size=(1, 1, 16)).astype(np.float32)
    every = dict(zip(STATISTICS, at_once(frame_of(), frames)[0], strict=True))
    for few in itertools.combinations(STATISTICS, 2):
        assert at_once(frame_of(features=few), frames)[0].tolist() == [every[name] for name in few]


def test_a_long_stream_does_not_drift() -> None:
    rng = np.random.default_rng(3)
    frame = frame_of(length=32, hop=5, bands=((10, 20),))
    framer = Framer(frame)
    for sample in (1e30 * rng.normal(size=(5000, 1))).astype(np.float32):
        framer.push(sample)
    quiet = rng.normal(size=(40, 1)).astype(np.float32)
    rows = [(end, np.array(framer.row)) for end, sample in enumerate(quiet, 1) if framer.push(sample)]
    end, last = rows[-1]
    np.testing.assert_array_equal(last, at_once(frame, quiet[end - 32 : end].T[None])[0])


@pytest.mark.parametrize("kind", [list, tuple, lambda values: array.array("f", values), np.float32])
def test_a_sample_is_a_sequence_or_a_buffer(kind: Any) -> None:
    framer = Framer(frame_of(2, length=2, features=("mean",)))
    assert not framer.push(kind([1.0, 2.0]))
    assert framer.push(kind([3.0, 6.0]))
    assert framer.row.tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ([1.0], "a sample of 2 values is needed, not 1"),
        ([1.0, 2.0, 3.0], "a sample of 2 values is needed, not 3"),
        (array.array("f", [1.0]), "a sample of 2 values is needed, not 1"),
        (array.array("d", [1.0, 2.0]), "samples are float32"),
        (b"12345678", "samples are float32"),
        ("ab", "not this str"),
        (None, "not this NoneType"),
        ([1.0, "x"], "a sample is a sequence of numbers"),
        ([1.0, None], "a sample is a sequence of numbers"),
        ([1.0, 10**400], "a sample is a sequence of numbers"),
    ],
    ids=str,
)
def test_a_wrong_sample_is_refused_and_not_taken(sample: Any, message: str) -> None:
    framer = Framer(frame_of(2, length=2, features=("mean",)))
    framer.push([1.0, 2.0])
    with pytest.raises(RowError, match=message):
        framer.push(sample)
    assert framer.push([3.0, 6.0])
    assert framer.row.tolist() == [2.0, 4.0]


def test_a_list_that_changes_while_it_is_read_is_taken_as_it_was_given() -> None:
    class Thief:
        def __float__(self) -> float:
            sample.clear()
            return 1.0

    framer = Framer(frame_of(256, length=2, features=("mean",)))
    sample: list[Any] = [Thief(), *[2.0] * 255]
    framer.push(sample)
    assert framer.push([3.0, *[4.0] * 255])
    assert framer.row.tolist() == [2.0, *[3.0] * 255]


def test_frames_of_another_size_are_refused() -> None:
    framer = Framer(frame_of(2, length=4))
    with pytest.raises(RowError, match="frames of 2 x 4 values are needed, not 9 values"):
        framer.rows(array.array("f", range(9)))
    with pytest.raises(RowError, match="float32"):
        framer.rows(array.array("d", range(8)))


def test_a_reset_begins_anew() -> None:
    framer = Framer(frame_of(length=3, hop=1, features=("mean",)))
    assert [framer.push([9.0]) for _ in range(4)] == [False, False, True, True]
    framer.reset()
    assert [framer.push([1.0]) for _ in range(3)] == [False, False, True]
    assert framer.row.tolist() == [1.0]
