"""HTTP of the sampled rows."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Protocol

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends, Path, Query, Response
from numpy.typing import NDArray
from pydantic import BaseModel

from device_contract.manifest import Manifest
from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from device_contract.samples import SampledRow
from fleet_server.auth import AuthService, Role
from fleet_server.bundles.service import BundleService
from fleet_server.sampling.columns import record_batch, schema_of
from fleet_server.sampling.service import SampleService, Selection, rows_of
from fleet_server.sampling.tables import SampleRow
from fleet_server.tabular import TABLES, Format, Wanted, respond
from fleet_server.web import MAX_LIMIT, Cursor, Limit, Page, parse_ordinal

Model = Annotated[str, Path(pattern=NAME_PATTERN, description="A model's name.")]
Version = Annotated[str, Path(pattern=NAME_PATTERN, description="A version of the model.")]
OfDevice = Annotated[str | None, Query(pattern=DEVICE_ID_PATTERN, description="Of this device only.")]
Since = Annotated[int | None, Query(ge=0, le=2**53, description="Of windows that end after this time, Unix ms.")]
Until = Annotated[int | None, Query(ge=0, le=2**53, description="Of windows that start before this time, Unix ms.")]
Numbers = dict[str, float | None]


class SampledRowJson(BaseModel):
    """One row; null where a value is missing, redacted, or no number that JSON has."""

    row: int
    time_ms: int
    features: Numbers
    outputs: Numbers
    contributions: dict[str, list[float | None]] | None
    """Of each feature to each raw score; null where the device sent none."""


class SampleJson(BaseModel):
    """Some rows of one window of a device."""

    ordinal: int
    device_id: str
    boot_id: str
    sequence: int
    slot: str
    model: str
    version: str
    bundle_sha256: str
    window_start_ms: int
    window_end_ms: int
    rows_seen: int
    received_ms: int
    rows: list[SampledRowJson]


class _Fetch(Protocol):
    """Gives samples, the last to arrive first."""

    def __call__(self, *, limit: int, before: int | None) -> Sequence[SampleRow]: ...


def router(samples: SampleService, bundles: BundleService, auth: AuthService) -> APIRouter:
    """Build the routes; raw rows are not for every reader.

    Args:
        samples: The rows.
        bundles: Know the names of features and outputs.
        auth: Checks roles.
    """
    engineer = Depends(auth.require(Role.ML_ENGINEER))
    routes = APIRouter(prefix="/api/v1/models", tags=["sampling"], dependencies=[engineer])

    @routes.get("/{model}/versions/{version}/samples", response_model=Page[SampleJson], responses=TABLES)
    def list_samples(  # noqa: PLR0913, PLR0917  (each is a part of the query)
        model: Model,
        version: Version,
        wanted: Wanted,
        device_id: OfDevice = None,
        since_ms: Since = None,
        until_ms: Until = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[SampleJson] | Response:
        """List what devices sampled, the last to arrive first; as a table, a line for each row."""
        manifest = bundles.schema(model, version)
        selection = Selection(model=model, version=version, device_id=device_id, since_ms=since_ms, until_ms=until_ms)
        fetch: _Fetch = partial(samples.samples, selection)
        if wanted is not Format.JSON:
            return respond(wanted, schema_of(manifest), _batches(fetch, manifest))
        items = [_sample(row, manifest) for row in fetch(limit=limit + 1, before=parse_ordinal(cursor))]
        return Page[SampleJson].cut(items, limit, lambda sample: str(sample.ordinal))

    return routes


def _batches(fetch: _Fetch, manifest: Manifest) -> Iterator[pa.RecordBatch]:
    before = None
    while found := fetch(limit=MAX_LIMIT, before=before):
        yield record_batch(found, manifest)
        before = found[-1].ordinal


def _sample(sample: SampleRow, manifest: Manifest) -> SampleJson:
    rows = [_row(row, manifest) for row in rows_of(sample)]
    return SampleJson(**sample.model_dump(exclude={"rows", "first_row", "last_row"}), rows=rows)


def _row(row: SampledRow, manifest: Manifest) -> SampledRowJson:
    names = [feature.name for feature in manifest.features]
    contributions = np.frombuffer(row.contributions, "<f4").reshape(len(names), -1) if row.contributions else None
    return SampledRowJson(
        row=row.row,
        time_ms=row.time_ms,
        features=dict(zip(names, _numbers(np.frombuffer(row.values, "<f4")), strict=True)),
        outputs=dict(
            zip((output.name for output in manifest.outputs), _numbers(np.frombuffer(row.outputs, "<f8")), strict=True)
        ),
        contributions=None if contributions is None else dict(zip(names, map(_numbers, contributions), strict=True)),
    )


def _numbers(values: NDArray[np.floating]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
