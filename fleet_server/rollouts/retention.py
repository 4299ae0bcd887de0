"""Forgets deployments that ended long ago, once no device holds what they assigned."""

from sqlalchemy import ColumnElement, delete, exists
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.alerts.tables import AlertRow
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.tables import DeviceRow
from fleet_server.pruning import Pruning, delete_some
from fleet_server.rollouts.states import ENDED, OPEN
from fleet_server.rollouts.tables import ActionRow, AssignmentRow, DeploymentRow, WaveRow


class DeploymentRetention:
    """Keeps what goes on, what can be rolled back, and what ended within some days.

    Args:
        database: Where it is.
        clock: Gives the present.
        keep_days: How long a deployment stays once it has ended, with its waves and actions.
    """

    def __init__(self, database: Database, clock: Clock, *, keep_days: int) -> None:
        self._database = database
        self._pruning = Pruning(clock, keep_days, [self._forget])

    def step(self) -> None:
        """Prune, once an hour."""
        self._pruning.step()

    def _forget(self, before_ms: int) -> bool:
        query = select(DeploymentRow.id).where(*_old(before_ms)).order_by(col(DeploymentRow.created_ms))
        with self._database.session() as session:
            found = session.exec(query.limit(1).with_for_update()).first()
            if found is None:
                return False
            if not delete_some(session, col(ActionRow.id), col(ActionRow.deployment_id) == found):
                session.execute(delete(WaveRow).where(col(WaveRow.deployment_id) == found))
                session.execute(delete(DeploymentRow).where(col(DeploymentRow.id) == found))
        return True


def open_deployments() -> SelectOfScalar[str]:
    """Return the query of the deployments that have not ended."""
    return select(DeploymentRow.id).where(col(DeploymentRow.state).not_in(ENDED))


def incidents_of_open() -> SelectOfScalar[str]:
    """Return the query of the incidents about deployments that have not ended."""
    return select(AlertRow.incident_id).where(col(AlertRow.deployment_id).in_(open_deployments()))


def _old(before_ms: int) -> list[ColumnElement[bool]]:
    key = col(DeploymentRow.id)
    its_own = exists().where(col(ActionRow.deployment_id) == key)
    held = its_own.where(
        col(AssignmentRow.device_id) == ActionRow.device_id,
        col(AssignmentRow.action_id) == ActionRow.id,
        col(DeviceRow.device_id) == ActionRow.device_id,
        col(DeviceRow.state) == "active",
    )
    told = exists().where(col(AlertRow.deployment_id) == key, col(AlertRow.state) == "open")
    return [
        col(DeploymentRow.state).in_(ENDED),
        col(DeploymentRow.changed_ms) < before_ms,
        ~its_own.where(col(ActionRow.state).in_(OPEN)),
        ~held,
        ~told,
    ]
