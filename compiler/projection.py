"""The principal components of a sample, and T2 and Q of its rows.

What they are is told by ``device_contract.projection``. Everything is rounded to float32, which
is more than a sample can tell, and less than what differs from one linear algebra library to
the next. Categories are left out: the distance between two of them means nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compiler.autocorrelation import lag1_correlation
from device_contract.baseline import StreamBaseline
from device_contract.projection import (
    MAX_COMPONENTS,
    MAX_CORRELATED,
    MAX_DEVIATION,
    MAX_PROJECTED,
    MIN_DEVIATION,
    Z_LIMIT,
    Projection,
)

_MOST_MISSING = 0.1
"""Share of rows in which a feature may be missing and still take part: a row needs all of them."""
_ROWS_A_FEATURE = 2


def project(streams: Sequence[StreamBaseline], rows: NDArray[np.float32]) -> tuple[Projection | None, bytes]:
    """Find how the features of a sample move together.

    Args:
        streams: The baselines of the features.
        rows: The sample, float32 (n_rows, n_features).

    Returns:
        The projection, and the correlations of its features as the baseline holds them; None and
        nothing where there are too few features or rows for one, or too many features.
    """
    chosen = [i for i, stream in enumerate(streams) if _takes_part(stream, len(rows))]
    if not 2 <= len(chosen) <= MAX_PROJECTED:  # noqa: PLR2004  (one alone has no company)
        return None, b""
    standardised = _standardise([streams[i] for i in chosen], rows[:, chosen])
    complete = standardised[np.isfinite(standardised).all(axis=1)]
    if len(complete) < _ROWS_A_FEATURE * len(chosen):
        return None, b""
    correlations = _correlate(complete)
    projection = _components(tuple(chosen), correlations, standardised)
    told = correlations[np.triu_indices(len(chosen), 1)] if len(chosen) <= MAX_CORRELATED else correlations[:0]
    return projection, told.astype("<f4").tobytes()


def _takes_part(stream: StreamBaseline, n_rows: int) -> bool:
    often_there = stream.rows >= (1.0 - _MOST_MISSING) * n_rows
    return stream.kind == "number" and often_there and MIN_DEVIATION <= stream.standard_deviation <= MAX_DEVIATION


def _standardise(streams: Sequence[StreamBaseline], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    means = np.array([stream.mean for stream in streams])
    deviations = np.array([stream.standard_deviation for stream in streams])
    standardised = (rows.astype(np.float64) - means) / deviations
    held: NDArray[np.float64] = np.where(np.isfinite(rows), np.clip(standardised, -Z_LIMIT, Z_LIMIT), np.nan)
    return held


def _correlate(standardised: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlations, those with a feature that does not vary in these rows as 0."""
    centred = standardised - standardised.mean(axis=0)
    lengths = np.sqrt(np.einsum("ri,ri->i", centred, centred))
    directions = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0.0)
    correlations: NDArray[np.float64] = (
        np.clip(directions.T @ directions, -1.0, 1.0).astype(np.float32).astype(np.float64)
    )
    np.fill_diagonal(correlations, 1.0)
    return correlations


def _components(
    features: tuple[int, ...], correlations: NDArray[np.float64], standardised: NDArray[np.float64]
) -> Projection:
    """Take the components that hold more than one feature's share of the variance, the sign of the largest part up."""
    eigenvalues, vectors = np.linalg.eigh(correlations)
    wanted = int(np.clip((eigenvalues > 1.0).sum(), 1, min(MAX_COMPONENTS, len(features) - 1)))
    components = vectors.T[::-1][:wanted]
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(wanted), largest])[:, np.newaxis]
    components = components.astype(np.float32)
    kept = eigenvalues[::-1][:wanted].astype(np.float32).astype(np.float64)
    scores = standardised @ components.T.astype(np.float64)
    t2 = np.einsum("rk,k->r", np.square(scores), 1.0 / kept)
    q = np.maximum(np.einsum("ri,ri->r", standardised, standardised) - np.einsum("rk,rk->r", scores, scores), 0.0)
    known = np.isfinite(t2)
    return Projection(
        features=features,
        components=components.astype("<f4").tobytes(),
        eigenvalues=tuple(kept.tolist()),
        rows=int(known.sum()),
        t2_mean=_rounded(t2[known].mean()),
        t2_variance=_rounded(t2[known].var()),
        t2_lag1_correlation=_rounded(lag1_correlation(t2)),
        q_mean=_rounded(q[known].mean()),
        q_variance=_rounded(q[known].var()),
        q_lag1_correlation=_rounded(lag1_correlation(q)),
    )


def _rounded(value: float | np.floating) -> float:
    return float(np.float32(value))
