"""A baseline in two halves: its features, which know no model, and its outputs, which are the model's own.

Each half is judged for itself. Devices whose features were trained on the same sample are
compared in one go, whichever versions score them, and a sensor's past outlives a new version
that was trained on what the old one was. Outputs are compared within one version only. So is
what the scores come from, which goes with the outputs.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

import msgspec
import numpy as np

from detectors import Reference, WindowArrays, charts_of, lay_out
from device_contract.baseline import Baseline, encode_baseline
from device_contract.sketches import SummaryReader

HalfName = Literal["features", "outputs"]
HALVES: Final[tuple[HalfName, ...]] = ("features", "outputs")


@dataclass(frozen=True, eq=False)
class Half:
    """One half of a baseline.

    Attributes:
        name: ``features`` or ``outputs``.
        digest: Of what the half says; equal ones are compared with each other.
        columns: Its place among the baseline's streams.
        reference: The half, laid out.
        whole: The baseline.
        baseline_sha256: Its digest.
        version: Whose baseline it is.
    """

    name: HalfName
    digest: str
    columns: slice
    reference: Reference
    whole: Baseline
    baseline_sha256: str
    version: str

    @cached_property
    def n_charts(self) -> int:
        """Charts of a device, over both halves."""
        return charts_of(lay_out(self.whole)).n_charts

    def of(self, window: WindowArrays) -> WindowArrays:
        """Return this half of a window that was laid out by the whole baseline."""
        n, bins = len(window.devices), self.reference.bins.shape[1]
        chosen = {name: getattr(window, name)[:, self.columns] for name in _BY_STREAM}
        halved = replace(window, **chosen, counts=window.counts[:, self.columns, :bins])
        if self.name == "features":
            return replace(halved, explained=np.zeros(n))
        none = np.zeros((n, 0))
        return replace(halved, projected=np.zeros((n, 5)), related_rows=np.zeros(n), correlations=none)


_BY_STREAM: Final = ("lost", "out_of_range", "broken", "repeats", "mean", "deviation", "lag1")


class Counted:
    """What a report was counted with.

    Args:
        baseline: Its baseline.
        baseline_sha256: The digest of it.
        version: Whose outputs it counts.
    """

    def __init__(self, baseline: Baseline, baseline_sha256: str, version: str) -> None:
        self.baseline = baseline
        self.reference = lay_out(baseline)
        self.reader = SummaryReader(baseline)
        n_features = self.reference.n_features
        places = {"features": slice(0, n_features), "outputs": slice(n_features, len(baseline.streams))}
        self.halves = tuple(
            Half(
                name,
                _digest(part, version if name == "outputs" else ""),
                places[name],
                self._lay_out(part),
                baseline,
                baseline_sha256,
                version,
            )
            for name in HALVES
            if (part := _part(baseline, name, places[name])) is not None
        )

    def _lay_out(self, part: Baseline) -> Reference:
        reference = lay_out(part)
        is_outputs = reference.n_features == 0
        return replace(reference, attributions=self.reference.attributions) if is_outputs else reference


def _part(baseline: Baseline, name: HalfName, columns: slice) -> Baseline | None:
    streams = baseline.streams[columns]
    if not streams:
        return None
    # the levels are no part of it: they follow from the whole bundle
    part = msgspec.structs.replace(baseline, streams=streams, limits=None)
    if name == "features":
        return msgspec.structs.replace(part, score=None, attributions=())
    return msgspec.structs.replace(part, projection=None, correlations=b"", attributions=())


def _digest(part: Baseline, version: str) -> str:
    return hashlib.sha256(version.encode() + b"\0" + encode_baseline(part)).hexdigest()
