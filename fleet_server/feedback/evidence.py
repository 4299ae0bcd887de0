"""What a report says of performance, taken out of it: rows, scores, values beyond the reference, metrics."""

from dataclasses import dataclass
from typing import Final

import msgspec
from sqlmodel import Session

from device_contract.baseline import Baseline
from device_contract.sketches import WindowSummary
from device_contract.sketches.metrics import MetricSketch, merge_metrics
from fleet_server.feedback.cursor import store_changed
from fleet_server.feedback.matching import Window
from fleet_server.feedback.tables import TruthWindowRow
from fleet_server.telemetry.tables import WindowRow

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(dict[str, MetricSketch])


@dataclass(frozen=True)
class Evidence:
    """What one report adds to its window."""

    report: WindowRow
    rows_beyond: int
    score_counts: tuple[int, ...]
    metrics: dict[str, MetricSketch]

    @property
    def window(self) -> Window:
        """The window, in event time."""
        return Window(self.report.window_start_ms, self.report.window_end_ms)


def take_evidence(report: WindowRow, baseline: Baseline, summary: WindowSummary) -> Evidence:
    """Take the evidence out of a report."""
    features = [
        sketch.counts[0] + sketch.counts[-1]
        for stream, sketch in zip(baseline.streams, summary.streams, strict=True)
        if stream.role == "feature"
    ]
    return Evidence(report, max(features, default=0), summary.score_counts, dict(summary.metrics))


def store_evidence(session: Session, evidence: Evidence) -> None:
    """Add a report to its window; two boots of a device may each have seen a part of one."""
    report, window = evidence.report, evidence.window
    row = session.get(TruthWindowRow, (report.model, report.version, report.device_id, *window))
    if row is None:
        row = TruthWindowRow(
            model=report.model,
            version=report.version,
            device_id=report.device_id,
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            baseline_sha256="",
            received_ms=report.received_ms,
            changed=0,
            metrics=encode_metrics({}),
        )
    if row.baseline_sha256 != report.baseline_sha256:  # scores of another baseline are in other bins
        row.baseline_sha256, row.score_counts = report.baseline_sha256, [0] * len(evidence.score_counts)
    row.rows += report.rows
    row.rows_beyond += evidence.rows_beyond
    row.score_counts = [a + b for a, b in zip(row.score_counts, evidence.score_counts, strict=True)]
    row.metrics = encode_metrics(merge_metrics(decode_metrics(row.metrics), evidence.metrics))
    store_changed(session, row)


def encode_metrics(metrics: dict[str, MetricSketch]) -> bytes:
    """Pack custom metrics by name."""
    return _encoder.encode(metrics)


def decode_metrics(data: bytes) -> dict[str, MetricSketch]:
    """Unpack custom metrics by name."""
    return _decoder.decode(data)
