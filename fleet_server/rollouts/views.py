"""What can be read of deployments: counted in the database, never row by row."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, or_, select

from fleet_server.errors import InvalidRequestError
from fleet_server.rollouts.states import ActionState
from fleet_server.rollouts.tables import RETURN_WAVE, ActionRow, DeploymentRow, WaveRow

Counts = Mapping[ActionState, int]


@dataclass(frozen=True)
class WaveView:
    """A wave and how many of its actions are in each state."""

    row: WaveRow
    counts: Counts


@dataclass(frozen=True)
class DeploymentView:
    """A deployment, its waves, and its actions that bring devices back."""

    row: DeploymentRow
    waves: Sequence[WaveView]
    returns: Counts


def read_deployments(session: Session, *, limit: int, after: str | None = None) -> list[DeploymentView]:
    """Return deployments, the newest first, that follow the cursor of another one."""
    query = select(DeploymentRow).order_by(col(DeploymentRow.created_ms).desc(), col(DeploymentRow.id)).limit(limit)
    if after is not None:
        created_ms, deployment_id = parse_cursor(after)
        same = (col(DeploymentRow.created_ms) == created_ms) & (col(DeploymentRow.id) > deployment_id)
        query = query.where(or_(col(DeploymentRow.created_ms) < created_ms, same))
    return view(session, session.exec(query).all())


def read_actions(
    session: Session, deployment_id: str, *, limit: int, after: str | None = None, state: ActionState | None = None
) -> Sequence[ActionRow]:
    """Return actions of a deployment in order of id."""
    query = select(ActionRow).where(ActionRow.deployment_id == deployment_id, col(ActionRow.id) > (after or ""))
    if state is not None:
        query = query.where(ActionRow.state == state)
    return session.exec(query.order_by(col(ActionRow.id)).limit(limit)).all()


def view(session: Session, deployments: Sequence[DeploymentRow]) -> list[DeploymentView]:
    """Add to deployments their waves and counts."""
    ids = [deployment.id for deployment in deployments]
    waves: dict[str, list[WaveRow]] = defaultdict(list)
    for wave in session.exec(select(WaveRow).where(col(WaveRow.deployment_id).in_(ids)).order_by(col(WaveRow.number))):
        waves[wave.deployment_id].append(wave)
    counts = _counts(session, ids)
    return [
        DeploymentView(
            deployment,
            [WaveView(wave, counts[deployment.id, wave.number]) for wave in waves[deployment.id]],
            counts[deployment.id, RETURN_WAVE],
        )
        for deployment in deployments
    ]


def cursor_of(created_ms: int, deployment_id: str) -> str:
    """Return the cursor of the deployments that follow this one."""
    return f"{created_ms}.{deployment_id}"


def parse_cursor(cursor: str) -> tuple[int, str]:
    """Read a cursor.

    Raises:
        InvalidRequestError: It is not one of ours.
    """
    created_ms, separator, deployment_id = cursor.partition(".")
    if not separator or not created_ms.isascii() or not created_ms.isdigit() or len(created_ms) > len("9" * 15):
        raise InvalidRequestError("the cursor is not one of ours")
    return int(created_ms), deployment_id


def _counts(session: Session, ids: Sequence[str]) -> dict[tuple[str, int], dict[ActionState, int]]:
    counts: dict[tuple[str, int], dict[ActionState, int]] = defaultdict(dict)
    query = (
        select(ActionRow.deployment_id, ActionRow.wave, ActionRow.state, func.count())
        .where(col(ActionRow.deployment_id).in_(ids))
        .group_by(col(ActionRow.deployment_id), col(ActionRow.wave), col(ActionRow.state))
    )
    for deployment_id, wave, state, number in session.exec(query):
        counts[deployment_id, wave][ActionState(state)] = number
    return counts
