"""Silences: times in which nobody is told of some alerts, while people work on them.

An alert in silence opens, closes and is listed as ever. An incident is told of when one of
its open alerts is in no silence, so that what is still open when a silence ends is told then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from sqlmodel import Session, col, select

from device_contract.baseline import DAY_MS
from fleet_server.alerts.known_names import KnownNames, named_in
from fleet_server.alerts.ruleset import Ruleset
from fleet_server.alerts.tables import AlertRow, SilenceRow
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database, existing, new_key, newest_first
from fleet_server.devices.service import labels_of
from fleet_server.errors import InvalidRequestError

LONGEST_MS = 366 * DAY_MS
_MAX_ALERTS = 1000


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """Which alerts a silence is about: those that agree with all that is given."""

    rule: str | None = None
    kind: str | None = None
    model: str | None = None
    device_id: str | None = None
    feature: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def matches(self, alert: AlertRow, labels: Mapping[str, str]) -> bool:
        """Tell whether an alert is meant.

        Args:
            alert: The alert.
            labels: Those of its device.
        """
        named = ("rule", "kind", "model", "device_id")
        if any(getattr(self, name) not in {None, getattr(alert, name)} for name in named):
            return False
        if self.feature is not None and self.feature not in alert.features:
            return False
        return all(labels.get(key) == value for key, value in self.labels.items())


class SilenceService:
    """The silences.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
        clock: Gives the present.
        names: Know what an alert can be about.
        rules: Those that open alerts.
    """

    def __init__(
        self, database: Database, audit: AuditService, clock: Clock, *, names: KnownNames, rules: Ruleset
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._names = names
        self._rules = rules

    def create(self, actor: str, matcher: Matcher, until_ms: int, reason: str) -> SilenceRow:
        """Be silent on some alerts for a time.

        Raises:
            InvalidRequestError: Nothing is matched, no signal is of the kind, or the time is over or too long.
            NotFoundError: There is no such rule, model, device or feature.
        """
        now_ms = self._clock()
        if not now_ms < until_ms <= now_ms + LONGEST_MS:
            raise InvalidRequestError("until_ms: give a time in the future, within a year")
        if matcher == Matcher():
            raise InvalidRequestError(
                "a silence of everything hides what is wrong: name a rule, model, device or label"
            )
        self._check(matcher)
        row = SilenceRow(
            silence_id=new_key(now_ms),
            matcher=asdict(matcher),
            reason=reason,
            created_by=actor,
            created_ms=now_ms,
            until_ms=until_ms,
        )
        with self._database.session() as session:
            session.add(row)
            detail = {"matcher": row.matcher, "until_ms": until_ms, "reason": reason}
            self._audit.record(session, actor, "silence.create", row.silence_id, **detail)
        return row

    def list(self, *, limit: int, before: str | None = None) -> Sequence[SilenceRow]:
        """Return silences, ended ones too, the newest first."""
        with self._database.reading() as session:
            return session.exec(newest_first(SilenceRow, "silence_id", limit=limit, before=before)).all()

    def end(self, actor: str, silence_id: str) -> None:
        """End a silence now.

        Raises:
            NotFoundError: There is no such silence.
        """
        with self._database.session() as session:
            row = existing(session, SilenceRow, silence_id, "silence")
            row.until_ms = min(row.until_ms, self._clock())
            self._audit.record(session, actor, "silence.end", silence_id)

    def _check(self, matcher: Matcher) -> None:
        """See that alerts can match: of a mistyped name the silence would keep nothing silent."""
        if matcher.rule is not None:
            with named_in("silence", "`leeway-fleet rules list` shows what there is"):
                self._rules.get(matcher.rule)
        signals = self._rules.signals
        if matcher.kind is not None and not any(signal.covers_kind(matcher.kind) for signal in signals):
            kinds = ", ".join(signal.kind for signal in signals)
            raise InvalidRequestError(f"silence: no alerts of kind {matcher.kind[:80]!r}; there are {kinds}")
        self._names.check_scope("silence", matcher.model, matcher.device_id)
        if matcher.feature is not None:
            self._names.check_feature("silence", matcher.feature, matcher.model)


def active_matchers(session: Session, now_ms: int) -> Sequence[Matcher]:
    """Return what is to be silent now."""
    rows = session.exec(select(SilenceRow).where(col(SilenceRow.until_ms) > now_ms))
    return [Matcher(**row.matcher) for row in rows]


def is_silent(session: Session, incident_id: str, matchers: Sequence[Matcher]) -> bool:
    """Tell whether each open alert of an incident is in a silence; of many, the first thousand are asked."""
    if not matchers:
        return False
    query = select(AlertRow).where(AlertRow.incident_id == incident_id, AlertRow.state == "open")
    alerts = session.exec(query.limit(_MAX_ALERTS)).all()
    labels = labels_of(session, {alert.device_id for alert in alerts if alert.device_id is not None})
    return bool(alerts) and all(
        any(matcher.matches(alert, labels.get(alert.device_id or "", {})) for matcher in matchers) for alert in alerts
    )
