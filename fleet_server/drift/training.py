"""The verdict against training: does this device see what the model was trained on?

Each stream has a chart for each channel. A changed season or a changed world shows here on
every device alike; the verdict against the peers tells a single device's fault apart.
"""

from typing import Any

import msgspec

from device_contract.baseline import Baseline, StreamBaseline
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary
from fleet_server.drift.channels import SIGNED, scores
from fleet_server.drift.chart import Chart, step
from fleet_server.drift.effect_sizes import effect_sizes
from fleet_server.drift.effective_size import design_effect
from fleet_server.drift.reference import reference_of
from fleet_server.drift.verdict import Finding, Verdict, sum_up

LEARNING_WINDOWS = 3
"""Windows before a device is called stable: fewer could not alarm."""


class TrainingState(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a device's past windows."""

    baseline_sha256: str = ""
    windows: int = 0
    charts: dict[str, dict[str, Chart]] = {}
    """By stream and channel."""


def take_window(
    state: TrainingState, baseline: Baseline, baseline_sha256: str, window: WindowSummary
) -> tuple[TrainingState, Verdict]:
    """Take in a device's next window.

    Another baseline is another question, so its charts start anew.

    Args:
        state: The state before.
        baseline: The baseline that the window was counted with.
        baseline_sha256: Its digest.
        window: The summary, of at least one row.
    """
    if state.baseline_sha256 != baseline_sha256:
        state = TrainingState(baseline_sha256)
    charts = {
        stream.name: _step_charts(state.charts.get(stream.name, {}), stream, sketch)
        for stream, sketch in zip(baseline.streams, window.streams, strict=True)
    }
    findings = [
        _finding(stream, sketch, charts[stream.name])
        for stream, sketch in zip(baseline.streams, window.streams, strict=True)
    ]
    windows = state.windows + 1
    verdict = sum_up(findings, learning=windows < LEARNING_WINDOWS)
    return TrainingState(baseline_sha256, windows, charts), verdict


def _step_charts(charts: dict[str, Chart], stream: StreamBaseline, sketch: StreamSketch) -> dict[str, Chart]:
    answers = scores(reference_of(stream), sketch)
    stepped = {
        channel: step(charts.get(channel, Chart()), score, signed=channel in SIGNED)
        for channel, score in answers.items()
    }
    return charts | stepped  # a channel that this window cannot answer keeps its state


def _finding(stream: StreamBaseline, sketch: StreamSketch, charts: dict[str, Chart]) -> Finding:
    channels = {
        channel: {"value": chart.value, "threshold": chart.threshold, "drifts": chart.alarmed}
        for channel, chart in charts.items()
    }
    evidence: dict[str, Any] = {"channels": channels, "rows": sketch.finite}
    if sketch.finite:
        correlation = max(sketch.lag1_correlation, stream.lag1_correlation)
        evidence["effective_rows"] = sketch.finite / design_effect(correlation, sketch.finite)
        evidence["effect_sizes"] = effect_sizes(stream, sketch)
    return Finding(
        name=stream.name,
        role=stream.role,
        drifts=any(chart.alarmed for chart in charts.values()),
        severity=max((chart.severity for chart in charts.values()), default=0.0),
        shift=sketch.mean - stream.mean if sketch.finite else 0.0,
        evidence=evidence,
    )
