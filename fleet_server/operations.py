"""HTTP for those who run the server: health, metrics, and the description of the interface."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final, Literal

from fastapi import APIRouter, Depends, FastAPI, Request, Response, status
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from fleet_server.web import RoleCheck

Check = Callable[[], bool]
Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]

_MEDIA_TYPES: Final[Mapping[Asset, str]] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}


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
    def get_docs(request: Request) -> HTMLResponse:
        return _docs_page(app.title, str(request.base_url))

    @routes.get("/docs/{asset}", dependencies=guarded, include_in_schema=False)
    def get_docs_asset(asset: Asset) -> Response:
        return Response((files("fastapi_offline") / "static" / asset).read_bytes(), media_type=_MEDIA_TYPES[asset])

    return routes


def _docs_page(title: str, server_url: str) -> HTMLResponse:
    """Build a page that asks this server for all it needs: a fleet may have no internet."""
    return get_swagger_ui_html(
        # Whole: a page opened as https://any:TOKEN@host/docs may not fetch what is relative to it.
        openapi_url=f"{server_url}openapi.json",
        title=title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
        # Else Swagger UI sends the server's address to validator.swagger.io.
        swagger_ui_parameters={"validatorUrl": None},
    )
