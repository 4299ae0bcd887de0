"""A baseline in two halves: its features, which know no model, and its outputs, which are the model's own.

Each half is judged for itself. Devices whose features were trained on the same sample are
compared in one go, whichever versions score them, and a sensor's past outlives a new version
that was trained on what the old one was. Outputs are compared within one version only.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from msgspec.structs import replace

from device_contract.baseline import Baseline, encode_baseline

HalfName = Literal["features", "outputs"]
HALVES: Final[tuple[HalfName, ...]] = ("features", "outputs")


@dataclass(frozen=True, eq=False)
class Half:
    """One half of a baseline.

    Attributes:
        name: ``features`` or ``outputs``.
        reference: Digest of what the half says; equal ones are compared with each other.
        columns: Its place among the baseline's streams.
        baseline: The half as a baseline of its own.
        n_streams: Streams of the whole, over which false alarms are shared out.
    """

    name: HalfName
    reference: str
    columns: slice
    baseline: Baseline
    n_streams: int


def halves_of(baseline: Baseline, version: str) -> tuple[Half, ...]:
    """Return the halves that a baseline has.

    Args:
        baseline: The whole.
        version: Whose outputs they are.
    """
    n_features = sum(stream.role == "feature" for stream in baseline.streams)
    features, outputs = slice(0, n_features), slice(n_features, len(baseline.streams))
    halves = [
        _half("features", baseline, features, replace(baseline, score=None, attributions=(), limits=None), ""),
        _half("outputs", baseline, outputs, replace(baseline, projection=None, correlations=b"", limits=None), version),
    ]
    return tuple(half for half in halves if half is not None)


def _half(name: HalfName, whole: Baseline, columns: slice, part: Baseline, version: str) -> Half | None:
    streams = whole.streams[columns]
    if not streams:
        return None
    digest = hashlib.sha256(version.encode() + b"\0" + encode_baseline(replace(part, streams=streams)))
    # the levels are not part of the digest: they follow from the whole bundle
    own = replace(part, streams=streams, limits=whole.limits)
    return Half(name, digest.hexdigest(), columns, own, len(whole.streams))
