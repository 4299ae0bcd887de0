"""The alerts' step of the control loop: readings in, alerts and incidents, notices out."""

from collections.abc import Sequence

from sqlmodel import Session

from fleet_server.alerts.deployment_signals import DeploymentAlert, reading_of
from fleet_server.alerts.evaluation import Evaluation
from fleet_server.alerts.readings import Source
from fleet_server.alerts.routing.receivers import ReceiverService
from fleet_server.alerts.ruleset import enabled_rules
from fleet_server.alerts.tables import AlertCursorRow
from fleet_server.alerts.telling import tell
from fleet_server.clock import Clock
from fleet_server.db import Database

MAX_BATCHES = 20
"""Of one source in one step, lest the other rooms wait while it catches up."""


class AlertService:
    """Follows the sources of readings.

    Args:
        database: Where alerts are kept.
        sources: Who knows the signals.
        receivers: Are told of incidents.
        clock: Gives the present.
    """

    def __init__(self, database: Database, sources: Sequence[Source], receivers: ReceiverService, clock: Clock) -> None:
        self._database = database
        self._sources = sources
        self._receivers = receivers
        self._clock = clock

    def step(self) -> None:
        """Take in what is new, open what has waited long enough, and tell of it.

        All of what a source has to tell is taken in before anybody is told, so that what happens
        to many devices at once is told once.
        """
        for source in self._sources:
            self._follow(source)
        with self._database.session() as session:
            evaluation = Evaluation(session, self._clock())
            evaluation.forget()
            evaluation.ripen()
        with self._database.session() as session:
            tell(session, self._receivers, self._clock())

    def raise_alert(self, session: Session, alert: DeploymentAlert) -> None:
        """Take in that a deployment needs a person, in the transaction in which it came to."""
        Evaluation(session, self._clock()).take([reading_of(alert, self._clock())])

    def _follow(self, source: Source) -> None:
        for _ in range(MAX_BATCHES):
            with self._database.reading() as session:
                place = session.get(AlertCursorRow, source.name)
                wanted = _wanted(session, source)
            after = place.ordinal if place else 0
            batch = source.read(after, wanted)
            if batch.ordinal != after:
                with self._database.session() as session:
                    Evaluation(session, self._clock()).take(batch.readings)
                    session.merge(AlertCursorRow(name=source.name, ordinal=batch.ordinal))
            if not batch.more:
                return


def _wanted(session: Session, source: Source) -> set[str]:
    names = {rule.signal for rule in enabled_rules(session).values()}
    return {name for name in names if any(signal.covers(name) for signal in source.signals)}
