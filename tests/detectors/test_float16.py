import numpy as np

from detectors.float16 import from_float16, to_float16


def test_values_are_rounded_as_numpy_rounds_them() -> None:
    powers = np.ldexp(np.float32(1.0), np.arange(-30, 17))[:, None]
    values = (powers * np.linspace(-1.0, 1.0, 4001)).astype(np.float32)
    np.testing.assert_array_equal(to_float16(values), np.clip(values, -65_000, 65_000).astype("<f2"))
    between = np.float32(1.0) + np.ldexp(np.arange(64, dtype=np.float32), -15)  # halfway, and beside it
    np.testing.assert_array_equal(to_float16(between), between.astype("<f2"))


def test_what_no_float16_holds_ends_at_the_largest_and_nan_stays() -> None:
    unbounded = np.array([np.nan, np.inf, -np.inf, 1e30])
    np.testing.assert_array_equal(to_float16(unbounded), np.array([np.nan, 65_000, -65_000, 65_000], "<f2"))
    assert to_float16(np.zeros((0, 3))).shape == (0, 3)


def test_every_float16_is_the_same_as_float32() -> None:
    every = np.arange(2**16, dtype=np.uint16).view("<f2").reshape(256, 256)
    np.testing.assert_array_equal(from_float16(every), every.astype(np.float32))
    np.testing.assert_array_equal(from_float16(every[:, 3:7]), every[:, 3:7].astype(np.float32))
    assert from_float16(every[:, :0]).shape == (256, 0)
