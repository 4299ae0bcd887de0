import numpy as np
import pytest
from scipy.stats import betabinom, norm

from detectors.shares import share_scores

CASES = [(k, n, a, b) for n in (50, 632, 2000) for a, b in ((2.0, 198.0), (200.0, 19_800.0)) for k in range(n // 10)]


def exact_score(k: int, n: int, a: float, b: float) -> float:
    """Sum the smaller tail, which scipy's own would lose to cancellation."""
    at = betabinom.pmf(k, n, a, b) / 2.0
    above, below = (
        betabinom.pmf(np.arange(k + 1, n + 1), n, a, b).sum() + at,
        betabinom.pmf(np.arange(k), n, a, b).sum() + at,
    )
    return float(norm.isf(above) if above < below else norm.ppf(below))


def test_scores_are_those_of_the_exact_mid_probability() -> None:
    k, n, a, b = map(np.array, zip(*CASES, strict=True))
    found = share_scores(k, n, a, b)
    exact = np.array([exact_score(*case) for case in CASES])
    told = (np.abs(exact) < 7.0) & ~((k == 0) & (n * a / (a + b) < 0.01))
    assert told.sum() > 200
    np.testing.assert_allclose(found[told], exact[told], atol=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_counts_of_large_variance_are_close_to_exact(share: float) -> None:
    k = np.arange(int(4000 * share) - 150, int(4000 * share) + 150)
    found = share_scores(k, np.float64(4000), np.float64(share * 1e7), np.float64((1 - share) * 1e7))
    exact = np.array([exact_score(int(count), 4000, share * 1e7, (1 - share) * 1e7) for count in k])
    told = np.abs(exact) < 7.0
    np.testing.assert_allclose(found[told], exact[told], atol=0.03)


def test_nothing_is_told_by_no_rows() -> None:
    assert share_scores(np.float64(0), np.float64(0), np.float64(1), np.float64(9)) == 0.0
