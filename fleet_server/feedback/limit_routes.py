"""HTTP of the limits on custom metrics."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status
from pydantic import BaseModel, Field

from fleet_server.auth import AuthService, Principal, Role
from fleet_server.bundles.service import BundleService
from fleet_server.feedback.business import Limits
from fleet_server.feedback.limits import MetricLimits
from fleet_server.feedback.parameters import Model

Metric = Annotated[str, Path(pattern=r"^[!-.0-~]{1,64}$", description="A custom metric's name.")]
Bound = Annotated[float | None, Field(allow_inf_nan=False)]


class LimitsRequest(BaseModel):
    """The limits of a metric's mean; one of the two at least."""

    below: Annotated[Bound, Field(description="A mean below this is too low.")] = None
    above: Annotated[Bound, Field(description="A mean above this is too high.")] = None
    minimum_count: Annotated[int, Field(ge=1, le=2**53, description="With fewer values nothing is said.")] = 1


class LimitsJson(LimitsRequest):
    """The limits of a metric."""

    metric: str


class LimitListJson(BaseModel):
    """All limits of a model, in order of the metric's name."""

    items: list[LimitsJson]


def router(limits: MetricLimits, bundles: BundleService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        limits: The limits.
        bundles: Knows which models there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["performance"])
    engineer = Annotated[Principal, Depends(auth.require(Role.ML_ENGINEER, Role.OPERATOR))]

    @routes.get("/models/{model}/metric-limits", dependencies=[Depends(auth.require(Role.VIEWER))])
    def list_limits(model: Model) -> LimitListJson:
        """List the limits on a model's custom metrics."""
        bundles.model(model)
        found = limits.of(model)
        return LimitListJson(items=[LimitsJson(metric=metric, **vars(each)) for metric, each in found.items()])

    @routes.put("/models/{model}/metric-limits/{metric}")
    def put_limits(holder: engineer, model: Model, metric: Metric, body: LimitsRequest) -> LimitsJson:
        """Set the limits of a custom metric."""
        bundles.model(model)
        limits.put(holder.name, model, metric, Limits(body.below, body.above, body.minimum_count))
        return LimitsJson(metric=metric, **body.model_dump())

    @routes.delete("/models/{model}/metric-limits/{metric}", status_code=status.HTTP_204_NO_CONTENT)
    def remove_limits(holder: engineer, model: Model, metric: Metric) -> None:
        """Remove the limits of a custom metric."""
        limits.remove(holder.name, model, metric)

    return routes
