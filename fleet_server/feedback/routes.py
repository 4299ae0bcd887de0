"""HTTP of the labels: uploading them, and seeing what became of them."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from fleet_server.auth import AuthService, Principal, Role
from fleet_server.feedback.labels import FIELDS
from fleet_server.feedback.ledger import Ledger
from fleet_server.feedback.listing import COLUMNS, LabelJson, cursor_of, label_json, parse_cursor, table_row
from fleet_server.feedback.parameters import Existing, Model, PathDevice, Selected
from fleet_server.feedback.reasons import MEANINGS
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.tables import LabelRefusalRow
from fleet_server.feedback.targets import Targets
from fleet_server.feedback.uploading import Upload, Uploads
from fleet_server.feedback.uploads import READERS, read_upload
from fleet_server.tabular import TABLES, Format, Wanted, batch, every_page, respond
from fleet_server.web import Cursor, Limit, Page

Reason = Annotated[
    str | None, Query(pattern="^[a-z_]{0,32}$", description="Those that wait for this reason; empty: those counted.")
]


class ExampleJson(BaseModel):
    """A refused row of an upload."""

    line: int
    """Its place among the rows, from 1; a header is none."""
    device_id: str
    detail: str


class UploadRefusalJson(BaseModel):
    """Rows of an upload that were refused for one reason."""

    reason: str
    meaning: str
    rows: int
    first: list[ExampleJson]


class WaitingJson(BaseModel):
    """Labels that are stored, and count once what they lack has come."""

    reason: str
    meaning: str
    labels: int


class UploadJson(BaseModel):
    """What became of an upload."""

    received: int
    new: int
    corrected: int
    repeated: int
    waiting: list[WaitingJson]
    refused: list[UploadRefusalJson]


class RefusalJson(BaseModel):
    """Labels that were refused for one reason, and what the last of them was."""

    model: str
    """Empty for those that name no model of the catalogue."""
    device_id: str
    """Empty for those that name no device of the fleet."""
    reason: str
    meaning: str
    labels: int
    first_ms: int
    last_ms: int
    detail: str


def router(existing: Existing, targets: Targets, uploads: Uploads, ledger: Ledger, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        existing: Knows what may be asked for.
        targets: What versions predict.
        uploads: Takes labels.
        ledger: The labels.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["feedback"])
    _add_upload(routes, existing, uploads, auth)
    _add_labels(routes, existing, targets, ledger, auth)
    _add_refusals(routes, existing, ledger, auth)
    return routes


def _add_upload(routes: APIRouter, existing: Existing, uploads: Uploads, auth: AuthService) -> None:
    sender = Annotated[Principal, Depends(auth.require(Role.ML_ENGINEER, Role.OPERATOR))]

    # The body is read in here, not by the framework: it would read it before it asks who sends it.
    @routes.post("/models/{model}/feedback", openapi_extra={"requestBody": _upload_body()})
    async def upload_labels(holder: sender, model: Model, request: Request) -> UploadJson:
        """Take labels as JSON, CSV or Parquet: each row is stored, or refused with its reason."""
        await run_in_threadpool(existing.check, Selection(model=model))
        rows = read_upload(request.headers.get("content-type", ""), await request.body())
        return _upload_json(await run_in_threadpool(uploads.take, holder.name, model, rows))


def _add_labels(routes: APIRouter, existing: Existing, targets: Targets, ledger: Ledger, auth: AuthService) -> None:
    @routes.get(
        "/models/{model}/feedback",
        response_model=Page[LabelJson],
        responses=TABLES,
        dependencies=[Depends(auth.require(Role.VIEWER))],
    )
    def list_labels(  # noqa: PLR0913, PLR0917  (the query's parameters)
        model: Model,  # noqa: ARG001  (of the path; the selection has it too)
        chosen: Selected,
        wanted: Wanted,
        reason: Reason = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> object:
        """List what is known of a model's rows, in order of device, version and row."""
        existing.check(chosen)

        def page(limit: int, cursor: str | None) -> Page[LabelJson]:
            rows = ledger.labels(chosen, reason=reason, limit=limit + 1, after=parse_cursor(cursor))
            items = [label_json(row, targets.find(row.model, row.version)) for row in rows]
            return Page[LabelJson].cut(items, limit, cursor_of)

        if wanted is Format.JSON:
            return page(limit, cursor)
        return respond(wanted, COLUMNS, (batch(COLUMNS, map(table_row, items)) for items in every_page(page)))


def _add_refusals(routes: APIRouter, existing: Existing, ledger: Ledger, auth: AuthService) -> None:
    viewer = [Depends(auth.require(Role.VIEWER))]

    @routes.get("/models/{model}/feedback/refusals", dependencies=viewer)
    def list_refusals(model: Model, limit: Limit = 50, cursor: Cursor = None) -> Page[RefusalJson]:
        """List why labels of a model were refused, by device and reason."""
        existing.check(Selection(model=model))
        return _refusals(ledger.refusals(model=model, limit=limit + 1, after=parse_cursor(cursor)), limit)

    @routes.get("/devices/{device_id}/feedback/refusals", dependencies=viewer)
    def list_device_refusals(device_id: PathDevice, limit: Limit = 50, cursor: Cursor = None) -> Page[RefusalJson]:
        """List why labels of a device were refused, by model and reason."""
        return _refusals(ledger.refusals(device_id=device_id, limit=limit + 1, after=parse_cursor(cursor)), limit)


def _refusals(rows: Sequence[LabelRefusalRow], limit: int) -> Page[RefusalJson]:
    items = [RefusalJson(meaning=MEANINGS[row.reason], **row.model_dump()) for row in rows]  # type: ignore[index]  # stored by us
    return Page[RefusalJson].cut(items, limit, lambda item: f"{item.model}/{item.device_id}/{item.reason}")


def _upload_json(upload: Upload) -> UploadJson:
    return UploadJson(
        received=upload.received,
        **{outcome: upload.outcomes[outcome] for outcome in ("new", "corrected", "repeated")},
        waiting=[
            WaitingJson(reason=reason, meaning=MEANINGS[reason], labels=labels)  # type: ignore[index]  # of WaitReason
            for reason, labels in sorted(upload.waiting.items())
        ],
        refused=[
            UploadRefusalJson(
                reason=reason,
                meaning=MEANINGS[reason],
                rows=rows,
                first=[ExampleJson(**vars(example)) for example in upload.examples[reason]],
            )
            for reason, rows in sorted(upload.refused.items())
        ],
    )


def _upload_body() -> dict[str, Any]:
    row = {"type": "object", "properties": {name: {} for name in FIELDS}}
    schemas: dict[str, Any] = {name: {"type": "string", "format": "binary"} for name in READERS}
    schemas["application/json"] = {"type": "array", "items": row}
    return {"required": True, "content": {name: {"schema": schema} for name, schema in schemas.items()}}
