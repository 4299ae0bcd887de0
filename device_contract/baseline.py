"""The baseline: what training looked like, shipped in the bundle.

For each stream (a feature or an output) it fixes the bins in which the device counts,
the pivot about which it sums, and the training sample's own statistics to compare
with. Drift is told against it. MessagePack; the page is ``docs/formats/baseline.md``.
"""

import math
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from device_contract.errors import SketchError
from device_contract.limits import Limits, check_limits
from device_contract.messages import Natural
from device_contract.projection import MAX_CORRELATED, Projection, check_projection
from device_contract.score_reference import ScoreReference, check_score_reference

MAX_BASELINE_BYTES = 16 << 20
MAX_EDGES = 255
DAY_MS = 86_400_000


class StreamBaseline(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One stream's reference.

    ``k`` ascending edges make ``k + 1`` bins: bin ``i`` counts the values ``x`` with
    ``edges[i-1] <= x < edges[i]``; bin 0 and bin ``k`` lie beyond the reference. NaN is in
    no bin. For a number the edges are: the minimum, the 0.5 % quantile, the nine deciles,
    the 99.5 % quantile, and the float32 that follows the maximum (equal edges are merged).
    For a category with ``c`` values they are ``-0.5, 0.5 ... c - 0.5``; where that is more than
    ``MAX_EDGES``, the last categories share a bin. A stream without a finite training row has
    the one edge 0. Outputs are float64 and are counted as the nearest float32.
    """

    name: str
    role: Literal["feature", "output"]
    kind: Literal["number", "category"]
    edges: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=MAX_EDGES)]
    """Ascending, each exactly a float32."""
    counts: tuple[Natural, ...]
    """Training rows in each bin, ``len(edges) + 1`` of them."""
    rows: Natural
    """Training rows that were finite."""
    missing: Natural
    """Training rows that were NaN."""
    mean: float
    """Mean of the finite training rows; also the device's pivot."""
    standard_deviation: float
    """Of the finite training rows, divided by n."""
    minimum: float
    maximum: float
    lag1_correlation: float
    """Correlation of neighbouring rows in the sample's order."""
    range_minimum: float | None = None
    """Least plausible value, from the schema (of a category 0); finite values below are counted."""
    range_maximum: float | None = None
    """Largest plausible value (of a category the last one); finite values above are counted."""


class Baseline(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The reference of every stream: the features in order, then the outputs in order."""

    schema_version: Literal[1] = 1
    streams: Annotated[tuple[StreamBaseline, ...], msgspec.Meta(min_length=1, max_length=70_000)]
    projection: Projection | None = None
    """Of the features; None where fewer than two numbers vary."""
    correlations: Annotated[bytes, msgspec.Meta(max_length=2 * MAX_CORRELATED * (MAX_CORRELATED - 1))] = b""
    """float32, little-endian: of the projection's features ``i < j``, row by row; empty where they are too many."""
    score: ScoreReference | None = None
    attributions: Annotated[tuple[float, ...], msgspec.Meta(max_length=65_535)] = ()
    """Of each feature the mean absolute contribution, added up over the explained scores; empty without."""
    limits: Limits | None = None
    season_ms: Annotated[int, msgspec.Meta(ge=1, le=366 * DAY_MS)] = DAY_MS
    """After how long the world repeats itself."""


def encode_baseline(baseline: Baseline) -> bytes:
    """Encode a baseline; equal baselines give equal bytes."""
    return msgspec.msgpack.encode(baseline)


def decode_baseline(data: bytes | memoryview) -> Baseline:
    """Decode a baseline.

    Raises:
        SketchError: The bytes are oversized, malformed, of an unknown version, or a stream
            contradicts itself.
    """
    if len(data) > MAX_BASELINE_BYTES:
        raise SketchError(f"baseline has {len(data)} bytes, limit {MAX_BASELINE_BYTES}")
    try:
        baseline = msgspec.msgpack.decode(data, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SketchError(f"malformed baseline: {error}") from error
    roles = [stream.role for stream in baseline.streams]
    if roles != sorted(roles):  # "feature" comes before "output"
        raise SketchError("an output stands before a feature")
    for stream in baseline.streams:
        _check_stream(stream)
    _check_parts(baseline, baseline.streams[: roles.count("feature")])
    return baseline


def _check_parts(baseline: Baseline, features: Sequence[StreamBaseline]) -> None:
    if baseline.projection is not None:
        check_projection(baseline.projection, [feature.standard_deviation for feature in features])
    if baseline.score is not None:
        check_score_reference(baseline.score)
    if baseline.limits is not None:
        check_limits(baseline.limits)
    correlated = len(baseline.projection.features) if baseline.projection is not None else 0
    if len(baseline.correlations) not in {0, 2 * correlated * (correlated - 1)}:
        raise SketchError("the correlations do not fit the projection's features")
    if not all(abs(value) <= 1.0 for value in memoryview(baseline.correlations).cast("f")):
        raise SketchError("a correlation is beyond one")
    fit = len(baseline.attributions) in {0, len(features)}
    if not fit or not all(0.0 <= attribution < math.inf for attribution in baseline.attributions):
        raise SketchError("the attributions do not fit the features")


def _check_stream(stream: StreamBaseline) -> None:
    if any(low >= high for low, high in pairwise(stream.edges)) or not all(map(math.isfinite, stream.edges)):
        raise SketchError(f"edges of {stream.name[:80]!r} do not ascend")
    if tuple(array("f", stream.edges)) != stream.edges:
        raise SketchError(f"an edge of {stream.name[:80]!r} is not a float32")
    if len(stream.counts) != len(stream.edges) + 1 or sum(stream.counts) != stream.rows:
        raise SketchError(f"counts of {stream.name[:80]!r} do not fit its edges and rows")
    moments = (stream.mean, stream.standard_deviation, stream.minimum, stream.maximum, stream.lag1_correlation)
    if not all(map(math.isfinite, moments)) or stream.standard_deviation < 0.0:
        raise SketchError(f"moments of {stream.name[:80]!r} are not numbers")
    if any(math.isnan(bound) for bound in (stream.range_minimum, stream.range_maximum) if bound is not None):
        raise SketchError(f"the range of {stream.name[:80]!r} is not a number")
