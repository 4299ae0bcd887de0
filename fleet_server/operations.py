"""HTTP for those who run the server: health, metrics, and the description of the interface."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Response, status
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from fleet_server.web import RoleCheck

Check = Callable[[], bool]


class HealthJson(BaseModel):
    """Whether the server can do its work."""

    status: Literal["ok", "degraded"]
    parts: dict[str, bool]


def router(app: FastAPI, viewer: RoleCheck, *, registry: CollectorRegistry, checks: Mapping[str, Check]) -> APIRouter:
    """Build the routes.

    Args:
        app: The application to describe.
        viewer: Checks the role.
        registry: The metrics.
        checks: Tells of each part whether it works.
    """
    routes = APIRouter(tags=["operations"])
    guarded = [Depends(viewer)]

    @routes.get("/health", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": HealthJson}})
    def get_health(response: Response) -> HealthJson:
        """Tell whether the database and the broker are there; needs no token."""
        parts = {name: check() for name, check in checks.items()}
        if not all(parts.values()):
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return HealthJson(status="ok" if all(parts.values()) else "degraded", parts=parts)

    @routes.get("/metrics", dependencies=guarded, response_class=Response)
    def get_metrics() -> Response:
        """Give the metrics in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/openapi.json", dependencies=guarded, include_in_schema=False)
    def get_openapi() -> dict[str, Any]:
        return app.openapi()

    @routes.get("/docs", dependencies=guarded, include_in_schema=False)
    def get_docs() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="/openapi.json", title=app.title)

    return routes
