"""A line of NDJSON, as sources read them: a row, or what an application says beside its rows.

A row is as in ``edge_agent.rows``. An object with ``$observe`` or ``$feedback`` is none::

    {"$observe": {"parts": 3, "temperature": 71.5}}
    {"$feedback": {"row": 12, "label": "worn"}}
    {"$feedback": {"time": 1420070400000, "label": 0.7, "weight": 2}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from device_contract.errors import shown
from edge_agent.errors import RowRefusedError
from edge_agent.feedback import Truth
from edge_agent.rows import TIME_NAME, Record, parse_json_row, parse_time_ms

OBSERVE: Final = "$observe"
FEEDBACK: Final = "$feedback"
_TRUTH_NAMES: Final = {"row", TIME_NAME, "label", "weight"}


@dataclass(frozen=True)
class Observed:
    """Values of metrics by name, as they were given."""

    metrics: Mapping[str, Any]


Item = Record | Observed | Truth


def parse_line(line: bytes) -> Item:
    """Read one line.

    Raises:
        RowRefusedError: It is no JSON array or object, or its time cannot be read.
    """
    record = parse_json_row(line)
    if not isinstance(record.values, Mapping):
        return record
    if OBSERVE in record.values:
        return Observed(_object(OBSERVE, record.values[OBSERVE]))
    if FEEDBACK in record.values:
        return _truth(_object(FEEDBACK, record.values[FEEDBACK]))
    return record


def _truth(given: Mapping[str, Any]) -> Truth:
    if "label" not in given or not given.keys() <= _TRUTH_NAMES:
        raise RowRefusedError("feedback_refused", f"{FEEDBACK} has a label, row or {TIME_NAME}, and may have a weight")
    time = given.get(TIME_NAME)
    return Truth(
        label=given["label"],
        row=given.get("row"),
        time_ms=None if time is None else parse_time_ms(time),
        weight=given.get("weight", 1.0),
    )


def _object(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RowRefusedError("row_malformed", f"{name} holds {shown(value)}, not an object")
    return value
