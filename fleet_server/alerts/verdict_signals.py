"""The drift verdicts as signals: ``drift.training``, ``drift.peers`` and their like."""

from collections.abc import Collection, Sequence

from fleet_server.alerts.readings import Batch, Reading, Signal
from fleet_server.drift.sentences import ANOTHER_GROUP
from fleet_server.drift.service import DriftService
from fleet_server.drift.tables import VerdictChangeRow

BATCH_CHANGES = 500
_LEAST = 1e-9
"""A verdict of drift is above nothing, however little."""


class VerdictSignals:
    """Follows the changes of verdicts.

    Args:
        drift: Gives them.
    """

    name = "verdict_changes"
    signals: Sequence[Signal] = (
        Signal("drift.training", "severity of drift against training; 1 is at the alarm threshold, 0 is no drift"),
        Signal("drift.own", "severity of drift against the device's own past"),
        Signal("drift.peers", "severity of drift against the device's peers"),
        Signal("drift.fleet", "severity of a movement of the whole fleet"),
    )

    def __init__(self, drift: DriftService) -> None:
        self._drift = drift

    def read(self, after: int, signals: Collection[str]) -> Batch:
        """Tell what has changed.

        Silence is no proof of health: a device that sends nothing, or too little to judge, leaves
        its alert as it is. One that is about a group that is no more closes.
        """
        changes = self._drift.changes_after(after, BATCH_CHANGES)
        judged = [change for change in changes if change.verdict in {"drift", "stable"} or _is_taken_back(change)]
        readings = [reading for change in judged if (reading := _reading(change)).signal in signals]
        last = max((change.ordinal or 0 for change in changes), default=after)
        return Batch(readings, last, more=len(changes) == BATCH_CHANGES)


def _reading(change: VerdictChangeRow) -> Reading:
    device_id = change.device_id or None  # none of a verdict on a whole group
    who = change.device_id or change.group
    return Reading(
        signal=f"drift.{change.kind}",
        subject=f"{change.kind} {who} {change.model}",
        value=None if _is_taken_back(change) else _severity(change),
        time_ms=change.changed_ms,
        sentence=change.sentence,
        device_id=device_id,
        model=change.model,
        version=change.version,
        features=[*change.features, *change.outputs],
        evidence=change.evidence,
    )


def _is_taken_back(change: VerdictChangeRow) -> bool:
    return change.cause == ANOTHER_GROUP


def _severity(change: VerdictChangeRow) -> float:
    return max(change.severity, _LEAST) if change.verdict == "drift" else 0.0
