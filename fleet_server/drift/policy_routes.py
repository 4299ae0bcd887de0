"""HTTP of the policies: how a model's devices are judged."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from device_contract.names import NAME_PATTERN
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.bundles.service import BundleService
from fleet_server.devices.labels import check_labels
from fleet_server.drift.policies import PolicyService
from fleet_server.validation import VISIBLE

Model = Annotated[str, Path(pattern=NAME_PATTERN, description="A model's name.")]


class OwnPolicy(BaseModel):
    """What a model says for itself; null takes the server's default."""

    model_config = ConfigDict(extra="forbid")

    false_alarms: Annotated[
        float | None, Field(ge=0.01, le=100, description="Expected for each 1000 devices a month.")
    ] = None
    group_label: Annotated[
        str | None,
        Field(max_length=63, pattern=VISIBLE, description="Label whose value makes the peers; empty: all are."),
    ] = None
    tolerance_sd: Annotated[
        float,
        Field(ge=0, le=1, description="The smallest difference that matters, in training standard deviations."),
    ] = 0.0


class PolicyJson(BaseModel):
    """How a model's devices are judged."""

    model: str
    false_alarms: float
    """Expected for each 1000 devices a month, over the verdicts that page."""
    group_label: str
    tolerance_sd: float
    """The smallest difference that matters, in training standard deviations."""
    own: OwnPolicy
    """What of it is the model's own, not the server's default."""


def router(policies: PolicyService, bundles: BundleService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        policies: The policies.
        bundles: Knows which models there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["drift"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    engineer = Annotated[Principal, Depends(auth.require(Role.ML_ENGINEER, Role.OPERATOR))]

    @routes.get("/models/{model}/drift/policy")
    def get_policy(_holder: viewer, model: Model) -> PolicyJson:
        """Show how a model's devices are judged."""
        bundles.model(model)
        return _json(policies, model)

    @routes.put("/models/{model}/drift/policy")
    def set_policy(holder: engineer, model: Model, body: OwnPolicy) -> PolicyJson:
        """Change how a model's devices are judged, from the next window on."""
        bundles.model(model)
        if body.group_label:
            check_labels({body.group_label: ""})
        policies.set(holder.name, model, **body.model_dump())
        return _json(policies, model)

    return routes


def _json(policies: PolicyService, model: str) -> PolicyJson:
    policy, own = policies.get(model), policies.own(model)
    return PolicyJson(
        model=model,
        false_alarms=policy.false_alarms,
        group_label=policy.group_label,
        tolerance_sd=policy.tolerance_sd,
        own=OwnPolicy.model_validate(own, from_attributes=True) if own else OwnPolicy(),
    )
