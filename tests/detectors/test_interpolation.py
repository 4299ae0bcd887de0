import numpy as np

from detectors.interpolation import differences


def test_lines_are_interpolated_and_the_ends_hold() -> None:
    numbers = np.random.default_rng(3)
    tables = numbers.normal(size=(4, 5, 7)).astype(np.float32)
    before, after = numbers.uniform(0.0, 4.0, (2, 6, 4)).astype(np.float32)
    before[0], after[0] = 0.0, 4.0
    lines = np.arange(5)
    for row in range(6):
        for column in range(4):
            first, last = (
                [np.interp(places[row, column], lines, line) for line in tables[column].T] for places in (before, after)
            )
            found = differences(tables, before, after)[row, column]
            np.testing.assert_allclose(found, np.subtract(last, first), atol=1e-5)
    assert differences(tables, before[:0], after[:0]).shape == (0, 4, 7)
