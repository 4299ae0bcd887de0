"""Reading an assignment: what it allows is within bounds, and nothing is allowed that is not said."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.assignment import AssignedSlot, Assignment, SamplingPolicy, decode_assignment
from device_contract.canonical import canonical_json
from device_contract.errors import EnvelopeError

SLOT = AssignedSlot(
    slot="champion", model="power", version="1", target_path="power/1/portable.bundle", sha256="a" * 64, length_bytes=9
)
POLICY = SamplingPolicy(rows_per_window=20, key="0f" * 16, redacted=("operator",), minimum_rows=100, explain=True)
ORDER = Assignment(
    device_id="turbine-1", sequence=3, action_id="d7", issued_ms=1, expires_ms=2, slots=(SLOT,), sampling=POLICY
)


def test_an_assignment_survives_its_round_trip() -> None:
    assert decode_assignment(canonical_json(ORDER)) == ORDER


def test_golden_bytes_are_read_and_written_for_ever(golden: Path) -> None:
    data = (golden / "assignment" / "sampling.json").read_bytes()
    assert canonical_json(ORDER) == data
    assert decode_assignment(data) == ORDER


def test_without_a_policy_nothing_may_be_sent() -> None:
    members = msgspec.json.decode(canonical_json(ORDER))
    del members["sampling"]
    assert decode_assignment(canonical_json(members)).sampling is None


@pytest.mark.parametrize(
    "changes",
    [
        {"rows_per_window": 0},
        {"rows_per_window": 257},
        {"key": "0f"},
        {"key": "0F" * 16},
        {"key": "0" * 129},
        {"redacted": ("x",) * 4097},
        {"minimum_rows": -1},
        {"explain": 1},
    ],
)
def test_a_policy_outside_its_limits_is_refused(changes: dict[str, Any]) -> None:
    wrong = msgspec.structs.replace(POLICY, **changes)
    with pytest.raises(EnvelopeError, match="malformed assignment"):
        decode_assignment(canonical_json(msgspec.structs.replace(ORDER, sampling=wrong)))


@given(st.binary(max_size=200))
def test_rubbish_is_one_error(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        decode_assignment(data)
