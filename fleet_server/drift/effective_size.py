"""How many independent rows a window of sensor rows is worth.

Neighbouring rows of a sensor resemble each other, so n rows say less than n independent
ones. A test that ignores this alarms on most healthy streams.
"""

_HIGHEST = 1.0 - 1e-6


def design_effect(correlation: float, rows: int) -> float:
    """Return by how much the variance of a mean of ``rows`` exceeds that of independent rows.

    For a first-order autoregressive stream it is ``1 + 2 * sum((1 - k / n) * r**k)`` over
    the lags ``k`` of ``1 .. n - 1``, here summed up exactly. It lies between 1 and
    ``rows``. Negative correlation counts as none, which errs towards silence.

    Args:
        correlation: Of neighbouring rows, -1 to 1.
        rows: Rows in the window, at least 1.

    Source: Bayley and Hammersley, The "effective" number of independent observations in an
        autocorrelated time series, 1946, doi:10.2307/2983560.
    """
    if correlation <= 0.0:
        return 1.0
    if correlation > _HIGHEST:
        return float(rows)
    distance = 1.0 - correlation
    effect = (1.0 + correlation) / distance
    effect -= 2.0 * correlation * (1.0 - correlation**rows) / (rows * distance**2)
    return min(max(effect, 1.0), float(rows))
