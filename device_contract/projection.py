"""The few directions in which the features move together, and what is left beside them.

For a row with the standardised values ``z = (x - mean) / standard_deviation``, held to
``Z_LIMIT``, and the components ``c[k]`` (orthonormal rows):

    t[k] = c[k] . z      T2 = sum of t[k]**2 / eigenvalue[k]      Q = |z|**2 - sum of t[k]**2

T2 tells a row that is extreme in the usual directions, Q one that breaks the usual relations.
A row in which one of these features is not finite has neither.

Source: Jackson and Mudholkar, "Control procedures for residuals associated with principal
component analysis", Technometrics 21 (1979), https://doi.org/10.1080/00401706.1979.10489779
"""

import math
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from device_contract.errors import SketchError
from device_contract.messages import Natural

MAX_COMPONENTS: Final = 5
MAX_PROJECTED: Final = 512
"""Features of a projection."""
MAX_CORRELATED: Final = 100
"""Features whose correlations are told: 4,950 pairs."""
MIN_DEVIATION: Final = 2.0**-126
MAX_DEVIATION: Final = 2.0**127
"""Between these, float32 holds a standard deviation and one through it."""
MIN_EIGENVALUE: Final = 1e-3
Z_LIMIT: Final = 1000.0
"""Standardised values are held to plus or minus this."""


class Projection(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Principal components of the standardised features, and T2 and Q of the training rows."""

    features: Annotated[tuple[Natural, ...], msgspec.Meta(min_length=2, max_length=MAX_PROJECTED)]
    """Positions of the features that take part: numbers that vary in training; ascending."""
    components: Annotated[bytes, msgspec.Meta(max_length=4 * MAX_COMPONENTS * MAX_PROJECTED)]
    """float32 (components, features), little-endian."""
    eigenvalues: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=MAX_COMPONENTS)]
    """Variances along the components in training, descending."""
    rows: Natural
    """Training rows in which all these features are finite."""
    t2_mean: float
    t2_variance: float
    t2_lag1_correlation: float
    """Correlation of neighbouring rows in the sample's order; so below."""
    q_mean: float
    q_variance: float
    q_lag1_correlation: float


def check_projection(projection: Projection, deviations: Sequence[float]) -> None:
    """Refuse a projection that contradicts itself, or in which a sum could overflow.

    Args:
        projection: As it was read.
        deviations: Standard deviations of all features of the baseline.

    Raises:
        SketchError: It does.
    """
    features, eigenvalues = projection.features, projection.eigenvalues
    if list(features) != sorted(set(features)) or features[-1] >= len(deviations):
        raise SketchError("the projection's features do not ascend within the row")
    if len(projection.components) != 4 * len(eigenvalues) * len(features):
        raise SketchError("the projection's components do not fit its features")
    if not all(abs(part) <= 1.0 for part in memoryview(projection.components).cast("f")):
        raise SketchError("the projection's components are no directions")
    if not all(MIN_DEVIATION <= deviations[feature] <= MAX_DEVIATION for feature in features):
        raise SketchError("a feature of the projection does not vary")
    moments = (projection.t2_mean, projection.t2_variance, projection.q_mean, projection.q_variance)
    correlations = (projection.t2_lag1_correlation, projection.q_lag1_correlation)
    if not all(map(math.isfinite, (*eigenvalues, *moments, *correlations))) or min(*eigenvalues, *moments) < 0.0:
        raise SketchError("the projection's moments are not numbers")
    if min(eigenvalues) < MIN_EIGENVALUE:
        raise SketchError("the projection has an eigenvalue of next to nothing")
