"""HTTP of the models and their versions: for CI, which publishes, and for all who look."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from device_contract.bundle import MAX_BUNDLE_BYTES
from device_contract.envelope import MAX_ENVELOPE_BYTES
from device_contract.manifest import Manifest, decode_manifest
from device_contract.names import NAME_PATTERN
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.bundles.service import BundleService
from fleet_server.bundles.tables import BundleRow
from fleet_server.errors import InvalidRequestError, TooLargeError
from fleet_server.trust.roles import MAX_ROLE_BYTES
from fleet_server.web import Cursor, Limit, Page

MAX_UPLOAD_BYTES: Final = MAX_BUNDLE_BYTES + MAX_ENVELOPE_BYTES + MAX_ROLE_BYTES + 65_536
"""The three parts of an upload and what multipart puts around them."""

Name = Annotated[str, PathParameter(pattern=NAME_PATTERN)]


class ModelRequest(BaseModel):
    """A new model, and whose signature a release of it needs."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    public_keys: Annotated[list[str], Field(min_length=1, max_length=16, description="Ed25519, raw, hexadecimal.")]
    threshold: Annotated[int, Field(ge=1, le=16)] = 1


class LiveRequest(BaseModel):
    """A request to train a model anew, until it is answered or withdrawn."""

    request_id: str
    state: Literal["open", "accepted"]
    reason: str
    opened_by: str
    opened_ms: int


class ModelJson(BaseModel):
    """A model."""

    name: str
    public_keys: list[str]
    threshold: int
    created_ms: int


class ShownModelJson(ModelJson):
    """A model, and what is going on with it."""

    retraining: LiveRequest | None


class ArtifactJson(BaseModel):
    """The model in one executable form."""

    kind: str
    size_bytes: int
    sha256: str


class LineageJson(BaseModel):
    """Where a version comes from."""

    model_sha256: str
    sample_sha256: str
    code_revision: str
    packages: dict[str, str]
    parameters: dict[str, str]


class VersionJson(BaseModel):
    """A published bundle."""

    model: str
    version: str
    profile: str | None
    sha256: str
    size_bytes: int
    release_counter: int
    target_path: str
    task: str
    features: list[str]
    outputs: list[str]
    artifacts: list[ArtifactJson]
    baseline_sha256: str
    lineage: LineageJson
    published_ms: int
    published_by: str


class VariantsJson(BaseModel):
    """One version in all its variants."""

    model: str
    version: str
    variants: list[VersionJson]


def router(
    bundles: BundleService, auth: AuthService, *, live_request: Callable[[str], LiveRequest | None]
) -> APIRouter:
    """Build the routes.

    Args:
        bundles: The catalogue.
        auth: Checks roles.
        live_request: Gives the request to train a model anew, if one is open or accepted.
    """
    routes = APIRouter(prefix="/api/v1", tags=["models"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    admin = Annotated[Principal, Depends(auth.require(Role.ADMIN))]

    @routes.post("/models", status_code=status.HTTP_201_CREATED)
    def create_model(holder: admin, body: ModelRequest) -> ModelJson:
        """Allow the holders of these keys to release versions of a new model."""
        row = bundles.create_model(holder.name, body.name, body.public_keys, body.threshold)
        return ModelJson.model_validate(row.model_dump())

    @routes.get("/models")
    def list_models(_holder: viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[ModelJson]:
        """List models in order of name."""
        rows = bundles.models(limit=limit + 1, after=cursor)
        items = [ModelJson.model_validate(row.model_dump()) for row in rows]
        return Page[ModelJson].cut(items, limit, lambda item: item.name)

    @routes.get("/models/{model}")
    def get_model(_holder: viewer, model: Name) -> ShownModelJson:
        """Show a model."""
        row = bundles.model(model)
        return ShownModelJson(**row.model_dump(), retraining=live_request(model))

    @routes.get("/models/{model}/versions")
    def list_versions(_holder: viewer, model: Name, limit: Limit = 50, cursor: Cursor = None) -> Page[VersionJson]:
        """List a model's bundles, the newest first."""
        rows = bundles.versions(model, limit=limit + 1, after=_parse_cursor(cursor))
        items = [_json(row) for row in rows]
        return Page[VersionJson].cut(items, limit, lambda item: f"{item.release_counter}.{item.sha256}")

    @routes.get("/models/{model}/versions/{version}")
    def get_version(_holder: viewer, model: Name, version: Name) -> VariantsJson:
        """Show one version: a variant for each profile, and the portable one."""
        variants = [_json(row) for row in bundles.variants(model, version)]
        return VariantsJson(model=model, version=version, variants=variants)

    _add_publishing(routes, bundles, auth)
    return routes


def _add_publishing(routes: APIRouter, bundles: BundleService, auth: AuthService) -> None:
    release_ci = Annotated[Principal, Depends(auth.require(Role.RELEASE_CI))]

    @routes.get("/models/{model}/role", response_class=Response)
    def get_role(_holder: release_ci, model: Name) -> Response:
        """Give the model's TUF role, for CI to add to; 404 before the first release."""
        return Response(bundles.role(model), media_type="application/json")

    # The form is read in here, not by the framework: it would read it before it asks who sends it.
    @routes.post(
        "/models/{model}/versions",
        status_code=status.HTTP_201_CREATED,
        responses={status.HTTP_200_OK: {"description": "The same bytes were published before.", "model": VersionJson}},
        openapi_extra={"requestBody": _upload_body()},
    )
    async def add_version(holder: release_ci, model: Name, request: Request, response: Response) -> VersionJson:
        """Publish a bundle: verified, stored, and made known to the devices."""
        async with request.form(max_files=3, max_fields=0) as form:
            bundle, signature, role = (_part(form, name) for name in ("bundle", "signature", "role"))
            envelope = await _read(signature, MAX_ENVELOPE_BYTES)
            metadata = await _read(role, MAX_ROLE_BYTES)
            row, is_new = await run_in_threadpool(_add, bundles, holder.name, model, bundle, envelope, metadata)
        response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return _json(row)


def _add(  # noqa: PLR0913, PLR0917  (the parts of one upload)
    bundles: BundleService, actor: str, model: str, bundle: UploadFile, signature: bytes, role: bytes
) -> tuple[BundleRow, bool]:
    with tempfile.TemporaryDirectory(prefix="leeway-upload-") as folder:
        path = Path(folder) / "upload.bundle"
        with path.open("wb") as file:
            shutil.copyfileobj(bundle.file, file, 1 << 20)
        return bundles.add_version(actor, model, path, signature=signature, role=role)


def _part(form: FormData, name: str) -> UploadFile:
    part = form.get(name)
    if not isinstance(part, UploadFile):
        raise InvalidRequestError(
            f"send multipart/form-data with the files bundle, signature and role; {name} is missing"
        )
    return part


async def _read(part: UploadFile, limit_bytes: int) -> bytes:
    data = await part.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise TooLargeError(f"part {part.filename!r} is larger than {limit_bytes} bytes")
    return data


def _json(row: BundleRow) -> VersionJson:
    manifest = decode_manifest(row.manifest)
    known = row.model_dump(exclude={"manifest", "signature"})
    return VersionJson.model_validate({**known, **_described(manifest)})


def _described(manifest: Manifest) -> dict[str, Any]:
    lineage = manifest.lineage
    return {
        "task": manifest.task,
        "features": [feature.name for feature in manifest.features],
        "outputs": [output.name for output in manifest.outputs],
        "artifacts": [
            {"kind": artifact.kind, "size_bytes": artifact.file.size_bytes, "sha256": artifact.file.sha256}
            for artifact in manifest.artifacts
        ],
        "lineage": {field: getattr(lineage, field) for field in LineageJson.model_fields},
    }


def _parse_cursor(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    counter, _, sha256 = cursor.partition(".")
    if not (counter.isascii() and counter.isdigit() and len(counter) <= 18 and sha256.isalnum()):  # noqa: PLR2004  (63 bits)
        raise InvalidRequestError("cursor: not one that this list gave")
    return int(counter), sha256


def _upload_body() -> dict[str, Any]:
    properties = {name: {"type": "string", "format": "binary"} for name in ("bundle", "signature", "role")}
    schema = {"type": "object", "required": sorted(properties), "properties": properties}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
