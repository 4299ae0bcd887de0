"""The statistics of one stream (a feature or an output) over one window.

Counts in fixed bins and sums about a fixed pivot: both come from the baseline, so two
sketches of one stream merge by plain addition, on whatever device and in whatever order.
A value is in exactly one place: in a bin if it is finite, else in ``infinite`` or
``missing``. ``out_of_range`` counts again those finite values that the schema calls
implausible.
"""

import math

import msgspec

from device_contract.baseline import StreamBaseline
from device_contract.errors import SketchError


class StreamSketch(msgspec.Struct, frozen=True, kw_only=True):
    """One stream's sketch; the sums run over finite values ``x``, with ``d = x - pivot``."""

    pivot: float
    """The baseline's mean."""
    counts: tuple[int, ...]
    """Finite values in each bin of the baseline, ``len(edges) + 1`` of them."""
    missing: int = 0
    """Values that were NaN."""
    infinite: int = 0
    """Values that were plus or minus infinity."""
    out_of_range: int = 0
    """Finite values beyond the plausible range of the schema."""
    sum: float = 0.0
    """Sum of ``d``."""
    sum_squares: float = 0.0
    """Sum of ``d * d``."""
    lag_products: float = 0.0
    """Sum of ``d * d'`` over neighbouring rows in which both values are finite."""
    lag_pairs: int = 0
    """The number of such neighbours."""
    repeats: int = 0
    """Finite values equal to the one in the row before."""
    longest_run: int = 0
    """Rows of the longest run of one finite value, up to a row of this window; it may have begun before."""
    minimum: float = math.inf
    """Smallest finite value; infinity when there is none."""
    maximum: float = -math.inf
    """Largest finite value; minus infinity when there is none."""

    @property
    def finite(self) -> int:
        """The number of finite values."""
        return sum(self.counts)

    @property
    def mean(self) -> float:
        """The mean of the finite values; NaN when there is none."""
        finite = self.finite
        return self.pivot + self.sum / finite if finite else math.nan

    @property
    def variance(self) -> float:
        """The mean squared distance from the mean (divided by n); NaN when there is no value."""
        finite = self.finite
        if not finite:
            return math.nan
        if self.minimum == self.maximum:  # exact, where the difference below would leave a rounding error
            return 0.0
        offset = self.sum / finite
        return max(self.sum_squares / finite - offset * offset, 0.0)

    @property
    def lag1_correlation(self) -> float:
        """The correlation of neighbouring rows, in [-1, 1]; 0 when it is not defined."""
        variance = self.variance
        if not self.lag_pairs or not variance > 0.0:
            return 0.0
        offset = self.sum / self.finite
        covariance = self.lag_products / self.lag_pairs - offset * offset
        return min(max(covariance / variance, -1.0), 1.0)


def empty_stream(baseline: StreamBaseline) -> StreamSketch:
    """Return the sketch of no rows: the identity of ``merge_streams``."""
    return StreamSketch(pivot=baseline.mean, counts=(0,) * (len(baseline.edges) + 1))


def merge_streams(a: StreamSketch, b: StreamSketch) -> StreamSketch:
    """Return the sketch of the rows of both.

    Commutative; associative in all counts, minimum and maximum exactly, and in the sums up
    to float64 rounding.

    Raises:
        SketchError: The sketches belong to different baselines.
    """
    if a.pivot != b.pivot or len(a.counts) != len(b.counts):
        raise SketchError("sketches of different baselines do not merge")
    return StreamSketch(
        pivot=a.pivot,
        counts=tuple(map(int.__add__, a.counts, b.counts)),
        missing=a.missing + b.missing,
        infinite=a.infinite + b.infinite,
        out_of_range=a.out_of_range + b.out_of_range,
        sum=a.sum + b.sum,
        sum_squares=a.sum_squares + b.sum_squares,
        lag_products=a.lag_products + b.lag_products,
        lag_pairs=a.lag_pairs + b.lag_pairs,
        repeats=a.repeats + b.repeats,
        longest_run=max(a.longest_run, b.longest_run),
        minimum=min(a.minimum, b.minimum),
        maximum=max(a.maximum, b.maximum),
    )
