"""HTTP of the repository, as devices see it: TUF metadata, and targets by byte range.

The address itself holds the grant, so a plain TUF client can use it. Nothing secret is
served: what a device gets, it verifies by TUF and by hash.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from fleet_server.bundles.service import BundleService
from fleet_server.errors import ForbiddenError, NotFoundError
from fleet_server.trust.grants import REPOSITORY_PATH, DownloadGrants
from fleet_server.trust.repository import Repository
from fleet_server.validation import VISIBLE

Grant = Annotated[str, Path(max_length=256, pattern=VISIBLE)]


def router(
    bundles: BundleService, repository: Repository, grants: DownloadGrants, is_active: Callable[[str], bool]
) -> APIRouter:
    """Build the routes.

    Args:
        bundles: Finds targets.
        repository: Finds metadata.
        grants: Checks addresses.
        is_active: Tells whether a device is still of the fleet.
    """
    routes = APIRouter(prefix=f"{REPOSITORY_PATH}/{{grant}}", tags=["device"])

    def check(grant: str) -> None:
        if not is_active(grants.check(grant)):
            raise ForbiddenError("this device is not of the fleet", code="device_inactive")

    @routes.get("/metadata/{file}", response_class=FileResponse)
    def get_metadata(grant: Grant, file: Annotated[str, Path(max_length=128, pattern=VISIBLE)]) -> FileResponse:
        """Give a file of TUF metadata."""
        check(grant)
        path = repository.metadata_file(file)
        if path is None:
            raise NotFoundError(f"no metadata {file!r}")
        return FileResponse(path, media_type="application/json", headers={"Cache-Control": "no-cache"})

    @routes.get("/targets/{path:path}", response_class=FileResponse)
    def get_target(grant: Grant, path: Annotated[str, Path(max_length=512, pattern=VISIBLE)]) -> FileResponse:
        """Give a target under its hash-prefixed name; answers `Range` and `If-Range`."""
        check(grant)
        sha256 = path.rpartition("/")[2].partition(".")[0]
        file = bundles.target_file(path)
        return FileResponse(file, media_type="application/octet-stream", headers={"ETag": f'"{sha256}"'})

    return routes
