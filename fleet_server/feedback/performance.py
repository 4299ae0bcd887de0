"""How a version does on the windows of a group: from labels, without them, and by custom metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from fleet_server.feedback import cbpe, sums
from fleet_server.feedback.business import MetricSums, add_metrics
from fleet_server.feedback.cbpe import Calibration
from fleet_server.feedback.evidence import decode_metrics
from fleet_server.feedback.intervals import Estimate, Floats
from fleet_server.feedback.tables import TruthWindowRow
from fleet_server.feedback.target import Target
from fleet_server.feedback.units import Source, Units


@dataclass(frozen=True)
class Expectation:
    """What is estimated without labels.

    Args:
        figures: With their bands; empty if there is a reason.
        reason: Why there are none, a key of ``cbpe.REASONS``; empty if there are.
    """

    figures: Mapping[str, Estimate]
    reason: cbpe.Reason | Literal[""]


@dataclass
class Group:
    """The windows of one version that are looked at together.

    Args:
        target: What the version predicts.
    """

    target: Target
    rows: int = 0
    rows_beyond: int = 0
    labelled: int = 0
    windows: int = 0
    devices: set[str] = field(default_factory=set)
    scores: dict[str, Floats] = field(default_factory=dict)
    """Rows by bin of their score, by the digest of the baseline whose bins they are."""
    metrics: dict[str, MetricSums] = field(default_factory=dict)

    @cached_property
    def units(self) -> Units:
        """The sums over labels."""
        return Units(sums.size(self.target))

    def add(self, row: TruthWindowRow) -> None:
        """Take in a window."""
        self.rows += row.rows
        self.rows_beyond += row.rows_beyond
        self.labelled += row.labelled
        self.windows += 1
        self.devices.add(row.device_id)
        counts = np.array(row.score_counts, np.float64)
        self.scores[row.baseline_sha256] = self.scores.get(row.baseline_sha256, 0.0) + counts
        source = Source(row.device_id, row.start_ms, row.end_ms)
        add_metrics(self.metrics, source, decode_metrics(row.metrics))
        if row.sums:
            for unit in self.units.of(source):
                sums.add_packed(unit, row.sums)

    def figures(self) -> dict[str, Estimate]:
        """Return what the labels show."""
        return sums.estimates(self.target, self.units.stack())

    def expectation(self, calibrations: Mapping[str, Calibration | None]) -> Expectation:
        """Estimate what labels would show.

        Args:
            calibrations: Of each baseline, by digest.
        """
        # windows of several baselines of one version: the one that scored most of them speaks for all
        baseline = max(self.scores, key=lambda sha256: float(self.scores[sha256].sum()), default=None)
        if baseline is None:
            return Expectation({}, "no_rows")
        counts = self.scores[baseline]
        found = cbpe.expect(calibrations[baseline], counts, rows=self.rows, rows_beyond=self.rows_beyond)
        return Expectation({}, found) if isinstance(found, str) else Expectation(found, "")
