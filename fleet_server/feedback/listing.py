"""Labels as JSON and as tables."""

from typing import Any, Final

import pyarrow as pa
from pydantic import BaseModel

from fleet_server.errors import InvalidRequestError
from fleet_server.feedback.labels import key_of
from fleet_server.feedback.ledger import LabelKey
from fleet_server.feedback.tables import LabelRow
from fleet_server.feedback.target import Target


class LabelJson(BaseModel):
    """The truth about one row, as it is known now."""

    device_id: str
    version: str
    row: int | None
    time_ms: int | None
    label: str | float
    prediction: str | float | None
    weight: float
    counted: bool
    reason: str
    """Why it is not counted yet."""
    window_start_ms: int | None
    window_end_ms: int | None
    received_ms: int
    corrections: int


COLUMNS: Final = pa.schema(
    [
        ("device_id", pa.string()),
        ("version", pa.string()),
        ("row", pa.int64()),
        ("time_ms", pa.int64()),
        ("label", pa.string()),
        ("prediction", pa.string()),
        ("weight", pa.float64()),
        ("counted", pa.bool_()),
        ("reason", pa.string()),
        ("window_start_ms", pa.int64()),
        ("window_end_ms", pa.int64()),
        ("received_ms", pa.int64()),
        ("corrections", pa.int64()),
    ]
)
"""Labels are text, as they are uploaded: numbers of one version may be classes of another."""


def label_json(row: LabelRow, target: Target | None) -> LabelJson:
    """Show a label; classes by their names."""
    return LabelJson(
        label=_shown(row.label, target),
        prediction=None if row.prediction is None else _shown(row.prediction, target),
        counted=not row.reason,
        **row.model_dump(exclude={"label", "prediction", "model", "key", "outputs"}),
    )


def _shown(value: float, target: Target | None) -> str | float:
    return target.classes[int(value)] if target is not None and target.is_classification else value


def table_row(item: LabelJson) -> dict[str, Any]:
    """Return a label's row of ``COLUMNS``."""
    prediction = None if item.prediction is None else str(item.prediction)
    return item.model_dump() | {"label": str(item.label), "prediction": prediction}


def cursor_of(item: LabelJson) -> str:
    """Return the cursor that continues after a label."""
    return f"{item.device_id}/{item.version}/{key_of(item.row, item.time_ms)}"


def parse_cursor(cursor: str | None) -> LabelKey:
    """Read a cursor of this list.

    Raises:
        InvalidRequestError: It is none.
    """
    parts = (cursor or "//").split("/")
    if len(parts) != 3:  # noqa: PLR2004  (device, version, key)
        raise InvalidRequestError("cursor: not one that this list gave")
    return parts[0], parts[1], parts[2]
