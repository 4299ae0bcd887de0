"""The baseline: what training looked like, shipped in the bundle.

For each stream (a feature or an output) it fixes the bins in which the device counts,
the pivot about which it sums, and the training sample's own statistics to compare
with. Drift is told against it. MessagePack; the page is ``docs/formats/baseline.md``.
"""

from typing import Annotated, Literal

import msgspec

from device_contract.errors import SketchError

MAX_BASELINE_BYTES = 16 << 20
MAX_EDGES = 255


class StreamBaseline(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One stream's reference.

    ``k`` ascending edges make ``k + 1`` bins: bin ``i`` counts the values ``x`` with
    ``edges[i-1] <= x < edges[i]``; bin 0 and bin ``k`` lie beyond the reference. NaN is in
    no bin. For a number the edges are: the minimum, the 0.5 % quantile, the nine deciles,
    the 99.5 % quantile, and the float32 that follows the maximum (equal edges are merged).
    For a category with ``c`` values they are ``-0.5, 0.5 ... c - 0.5``.
    """

    name: str
    role: Literal["feature", "output"]
    kind: Literal["number", "category"]
    edges: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=MAX_EDGES)]
    """Ascending, each exactly a float32."""
    counts: tuple[int, ...]
    """Training rows in each bin, ``len(edges) + 1`` of them."""
    rows: int
    """Training rows that were finite."""
    missing: int
    """Training rows that were NaN."""
    mean: float
    """Mean of the finite training rows; also the device's pivot."""
    standard_deviation: float
    minimum: float
    maximum: float
    lag1_correlation: float
    """Correlation of neighbouring rows in the sample's order."""
    range_minimum: float | None = None
    """Plausible range from the schema; values outside are counted."""
    range_maximum: float | None = None


class Baseline(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The reference of every stream: the features in order, then the outputs in order."""

    schema_version: Literal[1] = 1
    streams: Annotated[tuple[StreamBaseline, ...], msgspec.Meta(min_length=1, max_length=70_000)]


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
    for stream in baseline.streams:
        _check(stream)
    return baseline


def _check(stream: StreamBaseline) -> None:
    ascending = all(low < high for low, high in zip(stream.edges, stream.edges[1:], strict=False))
    if not ascending:
        raise SketchError(f"edges of {stream.name!r} do not ascend")
    if len(stream.counts) != len(stream.edges) + 1 or sum(stream.counts) != stream.rows:
        raise SketchError(f"counts of {stream.name!r} do not fit its edges and rows")
