"""HTTP of the sampling policies: which devices may send rows, and which."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status
from pydantic import BaseModel, Field

from device_contract.names import NAME_PATTERN
from device_contract.samples import MAX_SAMPLED_ROWS
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.sampling.policies import MAX_REDACTED, PolicySpec, SamplingPolicies
from fleet_server.sampling.tables import SamplingPolicyRow
from fleet_server.web import Cursor, Limit, Page

PolicyName = Annotated[str, Path(pattern=NAME_PATTERN, description="A policy's name.")]


class PolicyRequest(BaseModel):
    """What the devices of a group may send."""

    labels: dict[str, str] = Field(default={}, description="Of the group's devices; none for every device.")
    rows_per_window: Annotated[int, Field(ge=0, le=MAX_SAMPLED_ROWS, description="At most; 0 forbids.")]
    minimum_rows: Annotated[int, Field(ge=0, le=2**53, description="A window of fewer rows sends none.")] = 0
    redacted: Annotated[list[str], Field(max_length=MAX_REDACTED, description="Features that stay on the device.")] = []
    explain: Annotated[bool, Field(description="Send what each feature contributed.")] = False


class PolicyJson(PolicyRequest):
    """A policy."""

    name: str
    changed_ms: int
    changed_by: str


def router(policies: SamplingPolicies, auth: AuthService) -> APIRouter:
    """Build the routes of the policies.

    Args:
        policies: The policies.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1/sampling-policies", tags=["sampling"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("")
    def list_policies(_holder: viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[PolicyJson]:
        """List the policies."""
        items = [_policy(row) for row in policies.list(limit=limit + 1, after=cursor)]
        return Page[PolicyJson].cut(items, limit, lambda policy: policy.name)

    @routes.get("/{name}")
    def get_policy(_holder: viewer, name: PolicyName) -> PolicyJson:
        """Show a policy."""
        return _policy(policies.get(name))

    @routes.put("/{name}")
    def put_policy(holder: operator, name: PolicyName, body: PolicyRequest) -> PolicyJson:
        """Let a group of devices send rows, or change what they may send."""
        return _policy(policies.put(holder.name, name, PolicySpec(**body.model_dump())))

    @routes.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT)
    def delete_policy(holder: operator, name: PolicyName) -> None:
        """End a policy."""
        policies.delete(holder.name, name)

    return routes


def _policy(row: SamplingPolicyRow) -> PolicyJson:
    return PolicyJson(**row.model_dump(exclude={"key"}))
