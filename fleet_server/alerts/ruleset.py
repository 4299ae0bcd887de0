"""The rules of this fleet: the default ones, and those that its operators have written or changed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from fleet_server.alerts.known_names import KnownNames, named_in
from fleet_server.alerts.language import MAX_RULES, Rule, checked, default_rules
from fleet_server.alerts.readings import Signal
from fleet_server.alerts.routing.receivers import ReceiverService
from fleet_server.alerts.tables import RuleRow
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.errors import ConflictError, InvalidRequestError, NotFoundError

Origin = Literal["default", "changed", "own"]

_RULE = TypeAdapter(Rule)


@dataclass(frozen=True)
class KnownRule:
    """A rule, and where it comes from."""

    rule: Rule
    origin: Origin
    """``default``; ``changed``, a default of this name is put aside; ``own``."""


class Ruleset:
    """The rules.

    Args:
        database: Where the operators' are kept.
        audit: Is told of every change.
        clock: Gives the present.
        signals: What a rule can watch.
        names: Know what it can be about.
        receivers: Those whom it can tell.
    """

    def __init__(  # noqa: PLR0913  (each is asked whether it knows a name)
        self,
        database: Database,
        audit: AuditService,
        clock: Clock,
        *,
        signals: Sequence[Signal],
        names: KnownNames,
        receivers: ReceiverService,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self.signals = signals
        self._names = names
        self._receivers = receivers

    def all(self) -> Sequence[KnownRule]:
        """Return every rule, in order of name."""
        with self._database.reading() as session:
            return list(_known(session).values())

    def get(self, name: str) -> KnownRule:
        """Return a rule.

        Raises:
            NotFoundError: There is none of that name.
        """
        with self._database.reading() as session:
            found = _known(session).get(name)
        if found is None:
            raise NotFoundError(f"no rule {name[:80]!r}")
        return found

    def put(self, actor: str, rules: Sequence[Rule]) -> None:
        """Take rules in; one of the same name is replaced.

        Raises:
            InvalidRequestError: A rule contradicts itself, or watches a signal that nobody knows.
            NotFoundError: A rule names a model, a device or a receiver that is not there.
            ConflictError: There would be too many.
        """
        for rule in rules:
            self._check(rule)
        with self._database.session() as session:
            for rule in rules:
                document = asdict(rule)
                session.merge(RuleRow(name=rule.name, document=document, changed_ms=self._clock(), changed_by=actor))
                self._audit.record(session, actor, "rule.put", rule.name, rule=document)
            session.flush()
            if len(_known(session)) > MAX_RULES:
                raise ConflictError(f"at most {MAX_RULES} rules are allowed")

    def delete(self, actor: str, name: str) -> None:
        """Remove what an operator has written; a default of that name is back.

        Raises:
            NotFoundError: No operator has written a rule of that name.
        """
        with self._database.session() as session:
            row = session.get(RuleRow, name)
            if row is None:
                raise NotFoundError(
                    f"no rule {name[:80]!r} of your own; a default one is switched off by enabled = false"
                )
            session.delete(row)
            self._audit.record(session, actor, "rule.delete", name)

    def _check(self, rule: Rule) -> None:
        checked(rule)
        if not any(signal.covers(rule.signal) for signal in self.signals):
            names = ", ".join(signal.name for signal in self.signals)
            raise InvalidRequestError(f"rule {rule.name!r}: no signal {rule.signal!r}; there are {names}")
        self._names.check_scope(f"rule {rule.name!r}", rule.model, rule.device_id)
        with named_in(f"rule {rule.name!r}", "`leeway-fleet receivers list` shows what there is"):
            self._receivers.check(rule.receivers)


def enabled_rules(session: Session) -> Mapping[str, Rule]:
    """Return the rules that are in force, by name."""
    return {name: known.rule for name, known in _known(session).items() if known.rule.enabled}


def _known(session: Session) -> dict[str, KnownRule]:
    defaults = default_rules()
    known = {name: KnownRule(rule, "default") for name, rule in defaults.items()}
    for row in session.exec(select(RuleRow).order_by(col(RuleRow.name))):
        rule = _RULE.validate_python(row.document)
        known[row.name] = KnownRule(rule, "changed" if row.name in defaults else "own")
    return dict(sorted(known.items()))
