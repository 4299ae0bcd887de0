"""How each device does as signals: figures of labels, estimates without them, custom metrics and their limits.

A reading is of one window of a device and version, told when the window's report or labels come:
so a label that is late by weeks still tells of its window, and rules count each window once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from fleet_server.alerts.readings import Batch, Reading, Signal
from fleet_server.clock import Clock
from fleet_server.feedback.business import Limits, judge
from fleet_server.feedback.intervals import Estimate
from fleet_server.feedback.limits import MetricLimits
from fleet_server.feedback.performance import Group
from fleet_server.feedback.queries import Change, PerformanceService
from fleet_server.feedback.selection import Selection

BATCH_CHANGES: Final = 500
MIN_LABELS: Final = 20
"""Fewer say too little for an alarm; a window that has fewer is read together with those before it."""
_PERFORMANCE: Final = "device_performance."
BEYOND_LIMITS: Final = "metrics.beyond_limits"


class WindowSignals:
    """Follows the windows that reports and labels change.

    Args:
        performance: Gives them.
        limits: Of custom metrics.
        clock: Gives the present.
    """

    name = "windows"
    signals: Sequence[Signal] = (
        Signal(f"{_PERFORMANCE}*", f"a figure of a device's last windows that have {MIN_LABELS} labels together"),
        Signal("device_expected.*", "a figure of a device's window, estimated without labels"),
        Signal("device_metric.*", "mean of a custom metric in a device's window, in the application's unit"),
        Signal(BEYOND_LIMITS, "how many custom metrics are beyond their limits in a device's window"),
    )

    def __init__(self, performance: PerformanceService, limits: MetricLimits, clock: Clock) -> None:
        self._performance = performance
        self._limits = limits
        self._clock = clock

    def read(self, after: int, signals: Collection[str]) -> Batch:
        """Tell how models did in the windows that have changed."""
        changes = self._performance.changes_after(after, BATCH_CHANGES)
        limits = {model: self._limits.of(model) for model in {change.model for change in changes}}
        readings = [
            reading
            for change in changes
            for reading in self._readings(change, limits[change.model], signals)
            if reading.signal in signals
        ]
        last = changes[-1].ordinal if changes else after
        return Batch(readings, last, more=len(changes) == BATCH_CHANGES)

    def _readings(self, change: Change, limits: Mapping[str, Limits], signals: Collection[str]) -> Iterator[Reading]:
        if any(name.startswith(_PERFORMANCE) for name in signals):
            yield from _performance(change, self._labelled(change), self._clock())
        yield from _without_labels(change, limits, self._clock())

    def _labelled(self, change: Change) -> Group | None:
        """Return the window, or with few labels also those before it; None where all of them have too few."""
        place, group = change.performance.place, change.performance.group
        if not 0 < group.labelled < MIN_LABELS:
            return group if group.labelled else None
        until_ms = (place.window_start_ms or 0) + 1
        selection = Selection(model=change.model, version=place.version, device_id=place.device_id, until_ms=until_ms)
        return self._performance.last_labelled(selection, MIN_LABELS)


def _performance(change: Change, group: Group | None, now_ms: int) -> Iterator[Reading]:
    for name, estimate in group.figures().items() if group is not None else ():
        yield _reading(change, _PERFORMANCE + name, estimate.value, now_ms, evidence=_evidence(estimate))


def _without_labels(change: Change, limits: Mapping[str, Limits], now_ms: int) -> Iterator[Reading]:
    group = change.performance.group
    for name, estimate in change.performance.expectation.figures.items():
        yield _reading(change, f"device_expected.{name}", estimate.value, now_ms, evidence=_evidence(estimate))
    beyond: list[str] = []
    for name, sums in sorted(group.metrics.items()):
        found = sums.figures()
        state = judge(found, limits.get(name)) if found is not None else "too_few"
        if found is not None and state != "too_few":
            yield _reading(change, f"device_metric.{name}", found.mean.value, now_ms, evidence=_evidence(found.mean))
            beyond += [name] if state in {"below", "above"} else []
    if limits:
        yield _reading(change, BEYOND_LIMITS, len(beyond), now_ms, features=beyond)


def _reading(  # noqa: PLR0913  (the parts of a reading)
    change: Change,
    signal: str,
    value: float,
    now_ms: int,
    *,
    evidence: Mapping[str, float] | None = None,
    features: Sequence[str] = (),
) -> Reading:
    place = change.performance.place
    named = f" ({', '.join(features)})" if features else ""
    return Reading(
        signal=signal,
        subject=f"{signal} {place.device_id} {change.model} {place.version}",
        value=value,
        time_ms=now_ms,
        sentence=f"{signal} of {change.model} {place.version} on {place.device_id} is {value:.4g}{named}.",
        window_ms=place.window_start_ms,
        device_id=place.device_id,
        model=change.model,
        version=place.version,
        features=features,
        evidence=evidence or {},
    )


def _evidence(estimate: Estimate) -> Mapping[str, float]:
    return {"low": estimate.low, "high": estimate.high}
