"""Applies the rules to readings: alerts open, change and close, and join incidents.

Everything that a batch of readings changes is in the caller's transaction, so a server that
is killed neither forgets a reading nor takes one in twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlmodel import Session, col, or_, select

from fleet_server.alerts.incidents import Incidents
from fleet_server.alerts.language import Rule
from fleet_server.alerts.readings import Reading, is_in_scope
from fleet_server.alerts.rules import Outcome, Watch, due_ms, ripen, severity, take
from fleet_server.alerts.ruleset import enabled_rules
from fleet_server.alerts.tables import AlertRow, RuleRow, WatchRow
from fleet_server.db import new_key
from fleet_server.devices.service import labels_of
from fleet_server.devices.tables import DeviceRow

CHUNK_READINGS = 500
_TOLD = ("severity", "version", "features", "sentence", "value")
_WATCHED = ("phase", "windows", "since_ms", "window_ms", "closed_ms")


class Evaluation:
    """One transaction's worth of readings.

    Args:
        session: The transaction.
        now_ms: The present.
    """

    def __init__(self, session: Session, now_ms: int) -> None:
        self._session = session
        self._now_ms = now_ms
        self._rules = enabled_rules(session)
        self._incidents = Incidents(session, now_ms)

    def take(self, readings: Sequence[Reading]) -> None:
        """Take readings in."""
        for start in range(0, len(readings), CHUNK_READINGS):
            self._take_chunk(readings[start : start + CHUNK_READINGS])
        self._incidents.settle()

    def ripen(self) -> None:
        """Open what has been pending for long enough; to be asked once the rest is forgotten."""
        query = select(WatchRow).where(col(WatchRow.due_ms) <= self._now_ms).limit(CHUNK_READINGS)
        for row in self._session.exec(query).all():
            rule = self._rules[row.rule]
            self._follow(rule, Reading(**row.reading), row, *ripen(rule, _remembered(row), self._now_ms))
        self._incidents.settle()

    def forget(self) -> None:
        """Close what rules opened that are gone or watch another signal now, and what is open of revoked devices."""
        names = set(self._session.exec(select(WatchRow.rule).distinct())) - set(self._rules)
        gone = or_(col(WatchRow.rule).in_(names), _of_another_signal(), _of_revoked())
        for row in self._session.exec(select(WatchRow).where(gone)).all():
            self._close(row)
            self._session.delete(row)
        self._incidents.settle()

    def _take_chunk(self, readings: Sequence[Reading]) -> None:
        pairs = list(self._pairs(readings))
        rows = _watch_rows(self._session, [reading.subject for _, reading in pairs])
        for rule, reading in pairs:
            key = rule.name, reading.subject
            row = rows.get(key)
            watch, outcome = take(
                rule, _remembered(row) if row else None, reading.value, self._now_ms, reading.window_ms
            )
            kept = self._follow(rule, reading, row, watch, outcome)
            rows.pop(key, None) if kept is None else rows.update({key: kept})

    def _pairs(self, readings: Sequence[Reading]) -> Iterator[tuple[Rule, Reading]]:
        watching: dict[str, list[Rule]] = {}
        for rule in self._rules.values():
            watching.setdefault(rule.signal, []).append(rule)
        asks_labels = any(rule.labels for rule in self._rules.values())
        asked = {reading.device_id for reading in readings if reading.device_id is not None} if asks_labels else ()
        labels = labels_of(self._session, asked)
        for reading in readings:
            for rule in watching.get(reading.signal, ()):
                if is_in_scope(rule, reading, labels.get(reading.device_id or "", {})):
                    yield rule, reading

    def _follow(
        self, rule: Rule, reading: Reading, row: WatchRow | None, watch: Watch | None, outcome: Outcome
    ) -> WatchRow | None:
        if watch is None and row is None:
            return None
        row = row or WatchRow(rule=rule.name, subject=reading.subject, phase="", windows=0, since_ms=0, reading={})
        if outcome == "open":
            row.alert_id = self._open(rule, reading)
        elif outcome == "held":
            self._update(rule, reading, row)
        elif outcome == "close":
            self._close(row)
        return self._keep(rule, reading, row, watch)

    def _keep(self, rule: Rule, reading: Reading, row: WatchRow, watch: Watch | None) -> WatchRow | None:
        if watch is None:
            if row in self._session:
                self._session.delete(row)
            return None
        for name in _WATCHED:
            setattr(row, name, getattr(watch, name))
        row.due_ms = due_ms(rule, watch)
        row.reading = asdict(reading)
        self._session.add(row)
        return row

    def _open(self, rule: Rule, reading: Reading) -> str:
        row = AlertRow(
            alert_id=new_key(self._now_ms),
            subject=f"{rule.name} {reading.subject}",
            state="open",
            rule=rule.name,
            signal=reading.signal,
            kind=reading.kind,
            device_id=reading.device_id,
            model=reading.model,
            deployment_id=reading.deployment_id,
            evidence=dict(reading.evidence),
            opened_ms=self._now_ms,
            **_told(rule, reading),
        )
        row.incident_id = self._incidents.join(row, rule)
        self._session.add(row)
        return row.alert_id

    def _update(self, rule: Rule, reading: Reading, watch: WatchRow) -> None:
        row = self._session.get(AlertRow, watch.alert_id)
        told = _told(rule, reading)
        if row is None or row.state != "open" or all(getattr(row, name) == told[name] for name in _TOLD):
            return
        for name in _TOLD:
            setattr(row, name, told[name])
        row.evidence = dict(reading.evidence)
        self._incidents.touch(row.incident_id)

    def _close(self, watch: WatchRow) -> None:
        row = self._session.get(AlertRow, watch.alert_id) if watch.alert_id else None
        watch.alert_id = None
        if row is not None and row.state == "open":
            row.state, row.closed_ms = "closed", self._now_ms
            self._incidents.touch(row.incident_id)


def _of_another_signal() -> ColumnElement[bool]:
    """Select the watches that began before their rule was written anew to watch another signal."""
    signal, watched = col(RuleRow.document)["signal"].as_string(), col(WatchRow.reading)["signal"].as_string()
    return exists().where(
        col(RuleRow.name) == WatchRow.rule, col(RuleRow.changed_ms) >= WatchRow.since_ms, signal != watched
    )


def _of_revoked() -> ColumnElement[bool]:
    """Select the watches of open alerts of devices that were revoked: of these comes no reading any more."""
    revoked = select(DeviceRow.device_id).where(DeviceRow.state == "revoked")
    alerts = select(AlertRow.alert_id).where(AlertRow.state == "open", col(AlertRow.device_id).in_(revoked))
    return col(WatchRow.alert_id).in_(alerts)


def _told(rule: Rule, reading: Reading) -> dict[str, Any]:
    return {
        "severity": severity(rule, reading.value),
        "version": reading.version,
        "features": list(reading.features),
        "sentence": reading.sentence,
        "value": reading.value,
    }


def _remembered(row: WatchRow) -> Watch:
    return Watch(**{name: getattr(row, name) for name in _WATCHED})


def _watch_rows(session: Session, subjects: Sequence[str]) -> dict[tuple[str, str], WatchRow]:
    query = select(WatchRow).where(col(WatchRow.subject).in_(set(subjects)))
    return {(row.rule, row.subject): row for row in session.exec(query)}
