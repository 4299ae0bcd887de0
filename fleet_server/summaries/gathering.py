"""Finds what a summary says, in one transaction that reads."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Text, and_, case, cast, func, literal_column, select
from sqlmodel import Session, col, or_

from device_contract.baseline import DAY_MS
from fleet_server.alerts.language import SEVERITIES
from fleet_server.alerts.tables import AlertRow, IncidentRow
from fleet_server.devices.tables import DeviceRow
from fleet_server.drift.tables import VerdictRow
from fleet_server.retraining.states import LIVE
from fleet_server.retraining.tables import RetrainingRow
from fleet_server.summaries.facts import (
    AlertDay,
    Devices,
    DriftingStream,
    IncidentLine,
    LiveRequest,
    VerdictCount,
    VersionShare,
)
from fleet_server.telemetry.tables import TelemetryTotalsRow

MAX_INCIDENTS: Final = 50
MAX_STREAMS: Final = 10
SILENT_MS: Final = 2 * DAY_MS
"""As the rule ``silent-device``."""
_INCIDENT_FIELDS: Final = tuple(IncidentLine.__dataclass_fields__)


class Gathering:
    """Looks at the fleet, or at the part of it that is about one model.

    Args:
        session: A transaction.
        model: The model; ``None``: all.
    """

    def __init__(self, session: Session, model: str | None) -> None:
        self._session = session
        self._model = model

    def fleet(self, now_ms: int) -> tuple[Devices, list[VersionShare]]:
        """Return how the devices are, and what they score with."""
        counts: Counter[str] = Counter()
        versions: Counter[tuple[str, str]] = Counter()
        for state, online, slots, is_silent, alike in self._device_counts(now_ms - SILENT_MS):
            held = _champion(json.loads(slots))
            if self._model is not None and (held is None or held[0] != self._model):
                continue
            counts[state] += alike
            if state == "active":
                counts["online"] += alike * online
                counts["silent"] += alike * is_silent
                versions.update({held: alike} if held else {})
        devices = Devices(
            active=counts["active"], online=counts["online"], silent=counts["silent"], revoked=counts["revoked"]
        )
        return devices, [VersionShare(*held, devices=number) for held, number in sorted(versions.items())]

    def verdicts(self) -> tuple[list[VerdictCount], list[DriftingStream]]:
        """Return what is thought of the devices, and which streams drift on most of them."""
        counts: Counter[tuple[str, str]] = Counter()
        paging: Counter[tuple[str, str]] = Counter()
        against_training: Counter[tuple[str, str]] = Counter()
        for kind, verdict, devices in self._verdict_counts():
            counts[kind, verdict] += devices
        for model, kind, features, outputs in self._drift_rows():
            drifting = [(model, name) for name in (*features, *outputs)]
            (against_training if kind == "training" else paging).update(drifting)
        streams = paging or against_training
        return (
            [VerdictCount(*found, devices=number) for found, number in sorted(counts.items())],
            [DriftingStream(*found, devices=number) for found, number in streams.most_common(MAX_STREAMS)],
        )

    def incidents(self, since_ms: int) -> list[IncidentLine]:
        """Return the incidents that are open, and those that opened since."""
        recent = or_(col(IncidentRow.state) == "open", col(IncidentRow.opened_ms) >= since_ms)
        query = select(IncidentRow).where(recent, *self._about(IncidentRow.model))
        rows = self._session.scalars(query.order_by(col(IncidentRow.incident_id).desc()).limit(MAX_INCIDENTS))
        return [IncidentLine(**{name: getattr(row, name) for name in _INCIDENT_FIELDS}) for row in rows]

    def alerts(self, since_ms: int, until_ms: int) -> list[AlertDay]:
        """Return how many alerts opened on each day of [since_ms, until_ms)."""
        opened, severity = col(AlertRow.opened_ms), col(AlertRow.severity)
        number = opened // literal_column(str(DAY_MS), BigInteger)  # of the day, in UTC; counted where the alerts are
        query = select(number, severity, func.count()).where(opened >= since_ms, opened < until_ms)
        found = self._execute(query.where(*self._about(AlertRow.model)).group_by(number, severity))
        counts = Counter({(_day(number * DAY_MS), severity): alerts for number, severity, alerts in found})
        days = sorted({_day(ms) for ms in (*range(since_ms, until_ms, DAY_MS), until_ms - 1)})
        return [AlertDay(day, *(counts[day, severity] for severity in SEVERITIES)) for day in days]

    def retraining(self) -> list[LiveRequest]:
        """Return the requests to train anew that are open or accepted."""
        query = select(RetrainingRow).where(col(RetrainingRow.state).in_(LIVE), *self._about(RetrainingRow.model))
        rows = self._session.scalars(query.order_by(col(RetrainingRow.request_id)))
        return [LiveRequest(row.request_id, row.model, row.state, row.reason, row.opened_ms) for row in rows]

    def _about(self, model: Any) -> list[Any]:  # noqa: ANN401  (a column, and conditions)
        return [] if self._model is None else [col(model) == self._model]

    def _device_counts(self, heard_before_ms: int) -> Sequence[Any]:
        """Count the devices that are alike: a large fleet has many of them."""
        totals = TelemetryTotalsRow
        heard = (col(DeviceRow.enrolled_ms), col(DeviceRow.last_seen_ms), col(totals.last_received_ms))  # if ever
        is_silent = case((and_(*(func.coalesce(ms, 0) < heard_before_ms for ms in heard)), 1), else_=0).label("silent")
        # PostgreSQL tells texts apart, but not JSON
        alike = col(DeviceRow.state), col(DeviceRow.online), cast(col(DeviceRow.slots), Text)
        query = select(*alike, is_silent, func.count())
        query = query.outerjoin(totals, col(totals.device_id) == DeviceRow.device_id)
        return self._execute(query.group_by(*alike, "silent"))

    def _verdict_counts(self) -> Sequence[Any]:
        kinds = col(VerdictRow.kind), col(VerdictRow.verdict)
        return self._execute(select(*kinds, func.count()).where(*self._about(VerdictRow.model)).group_by(*kinds))

    def _drift_rows(self) -> Sequence[Any]:
        columns = (col(VerdictRow.model), col(VerdictRow.kind), col(VerdictRow.features), col(VerdictRow.outputs))
        drifting = (col(VerdictRow.verdict) == "drift", col(VerdictRow.kind) != "fleet")
        return self._execute(select(*columns).where(*drifting, *self._about(VerdictRow.model)))

    def _execute(self, query: Any) -> Sequence[Any]:  # noqa: ANN401  (a query of columns)
        return self._session.execute(query).all()


def _champion(slots: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    return next(((slot["model"], slot["version"]) for slot in slots if slot["slot"] == "champion"), None)


def _day(time_ms: int) -> str:
    return dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).date().isoformat()
