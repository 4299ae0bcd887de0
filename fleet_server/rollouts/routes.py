"""HTTP of the rollouts."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field, model_validator

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.devices.labels import check_labels
from fleet_server.rollouts.membership import WaveRule
from fleet_server.rollouts.policy import Thresholds
from fleet_server.rollouts.service import RolloutService
from fleet_server.rollouts.spec import DeploymentSpec
from fleet_server.rollouts.states import EXCUSED, FAILURES, OPEN, ActionState
from fleet_server.rollouts.tables import ActionRow
from fleet_server.rollouts.views import DeploymentView, WaveView, cursor_of
from fleet_server.web import Cursor, Limit, Page

DeploymentId = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A deployment's id.")]
Labels = Annotated[dict[str, str], Field(description="Labels that a device has, all of them.")]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[int, Field(ge=0, le=366 * 86_400)]
Timeout = Annotated[int, Field(ge=1, le=366 * 86_400)]
MAX_WAVES = 100


class Verb(StrEnum):
    """What an operator may do to a deployment."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    ROLLBACK = "rollback"


class Target(BaseModel):
    """The devices of a deployment."""

    model_config = ConfigDict(extra="forbid")

    labels: Labels = {}


class WaveRequest(BaseModel):
    """Either a share of all devices, with the waves before it, or labels."""

    model_config = ConfigDict(extra="forbid")

    percent: Annotated[float | None, Field(gt=0, le=100, description="This wave and those before it.")] = None
    labels: Labels | None = None

    @model_validator(mode="after")
    def _has_one(self) -> "WaveRequest":
        if (self.percent is None) == (self.labels is None):
            raise ValueError("a wave has either percent or labels")
        return self


class DeploymentRequest(BaseModel):
    """This version to these devices, in these waves."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[
        str | None, Field(pattern=DEVICE_ID_PATTERN, description="Chosen by the client: asking twice makes one.")
    ] = None
    model: Annotated[str, Field(pattern=NAME_PATTERN)]
    version: Annotated[str, Field(pattern=NAME_PATTERN)]
    target: Target = Target()
    waves: Annotated[list[WaveRequest], Field(min_length=1, max_length=MAX_WAVES)] = [WaveRequest(percent=100)]
    success_threshold: Annotated[Ratio, Field(description="Least share that must succeed.")] = 1.0
    error_threshold: Annotated[Ratio, Field(description="Largest share of failures that is borne.")] = 0.05
    min_executed: Annotated[
        int, Field(ge=1, description="Devices that must have ended before failures stop a wave.")
    ] = 1
    soak_s: Annotated[Seconds, Field(description="From a wave's success to the next wave.")] = 0
    action_timeout_s: Annotated[Timeout, Field(description="From a device's first answer to its last.")] = 3600
    offer_timeout_s: Annotated[Timeout, Field(description="Until a device that does not answer is given up.")] = 86_400

    def spec(self) -> DeploymentSpec:
        """Return what is asked, in the service's terms."""
        return DeploymentSpec(
            model=self.model,
            version=self.version,
            target_labels=check_labels(self.target.labels),
            waves=tuple(WaveRule(wave.percent, check_labels(wave.labels or {})) for wave in self.waves),
            thresholds=Thresholds(
                success_threshold=self.success_threshold,
                error_threshold=self.error_threshold,
                min_executed=self.min_executed,
                soak_s=self.soak_s,
                offer_timeout_s=self.offer_timeout_s,
                action_timeout_s=self.action_timeout_s,
            ),
        )


class WaveJson(BaseModel):
    """A wave: its state, why, and its devices, each counted once."""

    number: int
    state: str
    reason: str
    detail: str
    members: int
    succeeded: int
    failed: int
    open: int
    excused: int
    no_variant: int
    counts: dict[str, int]


class DeploymentJson(BaseModel):
    """A deployment: its state and why, and its waves."""

    id: str
    model: str
    version: str
    state: str
    reason: str
    detail: str
    waves: list[WaveJson]
    returned: dict[str, int]
    created_by: str
    created_ms: int
    changed_ms: int


class PlannedWaveJson(BaseModel):
    """The members that a wave would have."""

    number: int
    members: list[str]


class PlanJson(BaseModel):
    """What a deployment would do."""

    waves: list[PlannedWaveJson]


class ActionJson(BaseModel):
    """One device's part; wave 0 brings it back."""

    id: str
    device_id: str
    wave: int
    state: str
    phase: str
    reason_code: str
    detail: str
    offered_ms: int | None
    began_ms: int | None
    ended_ms: int | None


def router(rollouts: RolloutService, auth: AuthService) -> APIRouter:
    """Build the routes of the rollouts."""
    routes = APIRouter(prefix="/api/v1/deployments", tags=["deployments"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.post("", status_code=status.HTTP_201_CREATED, responses={200: {"model": DeploymentJson | PlanJson}})
    def create_deployment(
        holder: operator,
        body: DeploymentRequest,
        response: Response,
        dry_run: Annotated[bool, Query(description="List the members of each wave, and change nothing.")] = False,  # noqa: FBT002  (flag)
    ) -> DeploymentJson | PlanJson:
        """Make a deployment; with an id that has the same deployment already, answer 200 and that one."""
        if dry_run:
            response.status_code = status.HTTP_200_OK
            return _plan_json(rollouts.plan(body.spec(), body.id or ""))
        deployment_id, is_new = rollouts.create(holder.name, body.spec(), body.id)
        response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return _json(rollouts.get(deployment_id))

    @routes.get("")
    def list_deployments(_holder: viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[DeploymentJson]:
        """List deployments, the newest first."""
        found = [_json(deployment) for deployment in rollouts.deployments(limit=limit + 1, after=cursor)]
        return Page[DeploymentJson].cut(found, limit, lambda last: cursor_of(last.created_ms, last.id))

    @routes.get("/{deployment_id}")
    def get_deployment(_holder: viewer, deployment_id: DeploymentId) -> DeploymentJson:
        """Show one deployment."""
        return _json(rollouts.get(deployment_id))

    @routes.get("/{deployment_id}/actions")
    def list_actions(
        _holder: viewer,
        deployment_id: DeploymentId,
        state: Annotated[ActionState | None, Query(description="Only those in this state.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ActionJson]:
        """List the part of each device."""
        found = rollouts.actions(deployment_id, limit=limit + 1, after=cursor, state=state)
        return Page[ActionJson].cut([_action_json(action) for action in found], limit, lambda last: last.id)

    @routes.post("/{deployment_id}/{verb}")
    def steer_deployment(holder: operator, deployment_id: DeploymentId, verb: Verb) -> DeploymentJson:
        """Pause, resume, abort or roll back; asked again, nothing more happens."""
        rollouts.steer(holder.name, deployment_id, verb)
        return _json(rollouts.get(deployment_id))

    return routes


def _plan_json(waves: list[list[str]]) -> PlanJson:
    return PlanJson(waves=[PlannedWaveJson(number=number, members=ids) for number, ids in enumerate(waves, 1)])


def _json(deployment: DeploymentView) -> DeploymentJson:
    row = deployment.row.model_dump(exclude={"request"})
    waves = [_wave_json(wave) for wave in deployment.waves]
    return DeploymentJson.model_validate({**row, "waves": waves, "returned": deployment.returns})


def _wave_json(wave: WaveView) -> WaveJson:
    def count(states: frozenset[ActionState]) -> int:
        return sum(wave.counts.get(state, 0) for state in states)

    return WaveJson(
        number=wave.row.number,
        state=wave.row.state,
        reason=wave.row.reason,
        detail=wave.row.detail,
        members=sum(wave.counts.values()),
        succeeded=count(frozenset({ActionState.SUCCEEDED})),
        failed=count(FAILURES),
        open=count(OPEN),
        excused=count(EXCUSED),
        no_variant=count(frozenset({ActionState.NO_VARIANT})),
        counts={state.value: number for state, number in sorted(wave.counts.items())},
    )


def _action_json(action: ActionRow) -> ActionJson:
    return ActionJson.model_validate(action.model_dump())
