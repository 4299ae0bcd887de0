"""A line is a row, or what an application says beside its rows."""

from typing import Any

import pytest

from edge_agent.errors import RowRefusedError
from edge_agent.feedback import Truth
from edge_agent.lines import Observed, parse_line
from edge_agent.rows import Record


@pytest.mark.parametrize(
    ("line", "item"),
    [
        (b"[1, 2]", Record([1, 2])),
        (b'{"left": 1, "time": 5}', Record({"left": 1, "time": 5}, 5)),
        (b'{"label": 1, "row": 2}', Record({"label": 1, "row": 2})),
        (b'{"$observe": {"parts": 3}}', Observed({"parts": 3})),
        (b'{"$feedback": {"row": 12, "label": "worn"}}', Truth("worn", row=12)),
        (b'{"$feedback": {"time": "1970-01-01T00:00:07", "label": 1, "weight": 2}}', Truth(1, None, 7000, 2)),
    ],
)
def test_each_kind_of_line(line: bytes, item: Any) -> None:
    assert parse_line(line) == item


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "row_malformed"),
        (b'{"$observe": 3}', "row_malformed"),
        (b'{"$feedback": [1]}', "row_malformed"),
        (b'{"$feedback": {"row": 1}}', "feedback_refused"),
        (b'{"$feedback": {"row": 1, "label": 1, "lable": 2}}', "feedback_refused"),
        (b'{"$feedback": {"time": "never", "label": 1}}', "row_malformed"),
    ],
)
def test_what_is_wrong_has_its_reason(line: bytes, reason: str) -> None:
    with pytest.raises(RowRefusedError) as caught:
        parse_line(line)
    assert caught.value.reason == reason
