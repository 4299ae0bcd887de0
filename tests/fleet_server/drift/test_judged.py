"""What is found in a window, as bytes."""

import numpy as np

from fleet_server.drift.judged import half_bytes


def test_figures_are_rounded_as_numpy_rounds_them() -> None:
    powers = np.ldexp(np.float32(1.0), np.arange(-30, 17))[:, None]
    values = (powers * np.linspace(-1.0, 1.0, 4001)).astype(np.float32)
    np.testing.assert_array_equal(half_bytes(values), np.clip(values, -65_000, 65_000).astype("<f2"))
    unbounded = np.array([np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(half_bytes(unbounded), np.array([np.nan, 65_000, -65_000], "<f2"))
