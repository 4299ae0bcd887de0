"""The rows behind an alarm: what a device sampled since a verdict began, the furthest from training first.

Devices send no other rows for an alarm's sake: which ones come was drawn beforehand, from all
alike, by the leave that the device has (``fleet_server.sampling``).
"""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.charts import ALL_FEATURES
from device_contract.baseline import StreamBaseline
from device_contract.manifest import Manifest
from device_contract.samples import SampledRow
from fleet_server.bundles.service import BundleService
from fleet_server.drift.service import DriftService
from fleet_server.drift.tables import VerdictRow
from fleet_server.sampling.service import SampleService, Selection, rows_of
from fleet_server.sampling.tables import SampleRow

MAX_SAMPLES: Final = 500
"""The newest that are looked at, of at most 256 rows each."""


@dataclass(frozen=True)
class AlarmedValue:
    """One drifting stream of a row.

    Attributes:
        value: NaN where it was missing or redacted.
        distance_sd: From the mean of training, in its standard deviations; NaN where that is not defined.
        contributions: To each raw score; empty for an output, or where the device sent none.
    """

    value: float
    distance_sd: float
    contributions: Sequence[float]


@dataclass(frozen=True)
class AlarmedRow:
    """A sampled row of the time that a verdict is about.

    Attributes:
        sample: That it came in.
        row: The row.
        streams: The drifting ones, by name.
    """

    sample: SampleRow
    row: SampledRow
    streams: Mapping[str, AlarmedValue]

    @property
    def distance_sd(self) -> float:
        """The largest distance of a drifting stream."""
        known = [abs(each.distance_sd) for each in self.streams.values() if not math.isnan(each.distance_sd)]
        return max(known, default=0.0)


@dataclass(frozen=True)
class AlarmedRows:
    """What was sampled since a verdict began.

    Attributes:
        verdict: The verdict; None before the first.
        looked_at: How many rows there are.
        rows: Those furthest from training; none while nothing drifts.
    """

    verdict: VerdictRow | None
    looked_at: int
    rows: Sequence[AlarmedRow]


class AlarmedRowsService:
    """Finds the rows behind verdicts.

    Args:
        drift: The verdicts.
        samples: The rows.
        bundles: Know names, and what training was like.
    """

    def __init__(self, drift: DriftService, samples: SampleService, bundles: BundleService) -> None:
        self._drift = drift
        self._samples = samples
        self._bundles = bundles

    def rows(self, device_id: str, kind: str, limit: int) -> AlarmedRows:
        """Return the rows behind a verdict on the model of a device's latest window.

        Args:
            device_id: The device.
            kind: Of the verdict.
            limit: Most rows.
        """
        device = self._drift.device(device_id)
        verdict = device.verdicts.get(kind) if device is not None else None
        if device is None or verdict is None or verdict.verdict != "drift":
            return AlarmedRows(verdict, 0, ())
        selection = Selection(model=device.model, device_id=device_id, since_ms=verdict.since_ms)
        samples = self._samples.samples(selection, limit=MAX_SAMPLES)
        # where no stream drifts by itself, it is what all features have in common
        names = {*verdict.features, *verdict.outputs} or {*verdict.evidence}
        found = [row for sample in samples for row in self._alarmed(sample, names)]
        return AlarmedRows(verdict, len(found), heapq.nlargest(limit, found, key=lambda row: row.distance_sd))

    def _alarmed(self, sample: SampleRow, names: set[str]) -> Iterator[AlarmedRow]:
        manifest = self._bundles.manifest(sample.bundle_sha256)
        baseline = self._bundles.baseline(manifest.baseline.sha256) if manifest is not None else None
        if manifest is not None and baseline is not None:
            drifting = [
                (place, stream)
                for place, stream in enumerate(baseline.streams)
                if stream.name in names or (stream.role == "feature" and ALL_FEATURES in names)
            ]
            for row in rows_of(sample):
                yield AlarmedRow(sample, row, _streams(row, manifest, drifting))


def _streams(
    row: SampledRow, manifest: Manifest, drifting: Sequence[tuple[int, StreamBaseline]]
) -> dict[str, AlarmedValue]:
    values = [*np.frombuffer(row.values, "<f4").tolist(), *np.frombuffer(row.outputs, "<f8").tolist()]
    parts = np.frombuffer(row.contributions, "<f4").reshape(len(manifest.features), -1) if row.contributions else ()
    return {
        stream.name: AlarmedValue(
            values[place],
            _distance(values[place], stream),
            parts[place].tolist() if place < len(parts) else (),
        )
        for place, stream in drifting
    }


def _distance(value: float, stream: StreamBaseline) -> float:
    if stream.kind == "category" or not stream.standard_deviation > 0.0:
        return math.nan
    return (value - stream.mean) / stream.standard_deviation if math.isfinite(value) else math.nan
