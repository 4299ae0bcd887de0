"""Messages to bytes and back: the round trip, golden bytes, newer versions, and rubbish."""

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_contract.codec import MAX_MESSAGE_BYTES, decode, encode
from device_contract.errors import MessageError
from device_contract.messages import Ack, AssignmentMessage, Message, Report, Status
from tests.device_contract.message_examples import BOOT, EXAMPLES, LABELLED, SAMPLED, SLOT, messages


@settings(max_examples=300)
@given(messages)
def test_a_message_survives_its_round_trip(message: Message) -> None:
    data = encode(message)
    assert decode(data, type(message)) == message
    assert encode(decode(data, type(message))) == data


@pytest.mark.parametrize("kind", EXAMPLES)
def test_golden_bytes_are_read_and_written_for_ever(kind: str, golden: Path) -> None:
    data = (golden / "messages" / f"{kind}.msgpack").read_bytes()
    assert encode(EXAMPLES[kind]) == data
    assert decode(data, type(EXAMPLES[kind])) == EXAMPLES[kind]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_trailing_fields_of_a_newer_version_are_ignored(kind: str) -> None:
    fields = msgspec.msgpack.decode(encode(EXAMPLES[kind]))
    newer = msgspec.msgpack.encode([*fields, "a field of tomorrow", {"and": ["another"]}])
    assert decode(newer, type(EXAMPLES[kind])) == EXAMPLES[kind]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_message_of_another_schema_version_is_refused(kind: str) -> None:
    fields = msgspec.msgpack.decode(encode(EXAMPLES[kind]))
    for version in (0, 2, "1", None):
        with pytest.raises(MessageError, match="malformed"):
            decode(msgspec.msgpack.encode([version, *fields[1:]]), type(EXAMPLES[kind]))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_truncation_is_refused(kind: str) -> None:
    data = encode(EXAMPLES[kind])
    for length in range(len(data)):
        with pytest.raises(MessageError):
            decode(data[:length], type(EXAMPLES[kind]))
    with pytest.raises(MessageError):
        decode(data + b"\0", type(EXAMPLES[kind]))


@pytest.mark.parametrize("kind", EXAMPLES)
@given(data=st.binary(max_size=300))
def test_rubbish_is_one_error(kind: str, data: bytes) -> None:
    with contextlib.suppress(MessageError):
        decode(data, type(EXAMPLES[kind]))


@pytest.mark.parametrize("kind", EXAMPLES)
@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_damage_is_one_error_or_another_message(kind: str, place: int, change: int) -> None:
    damaged = bytearray(encode(EXAMPLES[kind]))
    damaged[place % len(damaged)] ^= change
    with contextlib.suppress(MessageError):
        decode(bytes(damaged), type(EXAMPLES[kind]))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc0", b"\x80", b"\xa3abc", b"\x91" * 20_000, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"{}"],
    ids=["empty", "nil", "map", "text", "deep", "huge-array", "huge-bytes", "json"],
)
def test_malformed_bytes_are_refused(data: bytes) -> None:
    for message in EXAMPLES.values():
        with pytest.raises(MessageError):
            decode(data, type(message))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("birth", {"device_id": ""}),
        ("birth", {"device_id": "a/b"}),
        ("birth", {"device_id": "+"}),
        ("birth", {"device_id": "x" * 65}),
        ("birth", {"boot_id": "0" * 15}),
        ("birth", {"profile": "Pi"}),
        ("birth", {"processor": "x" * 513}),
        ("birth", {"online": 1}),
        ("status", {"phase": "sleeping"}),
        ("status", {"rows_scored": -1}),
        ("status", {"rows_scored": 2**53 + 1}),
        ("status", {"rows_scored": 1.5}),
        ("status", {"slots": (SLOT,) * 9}),
        ("status", {"counters": {str(i): i for i in range(65)}}),
        ("status", {"counters": {"x": -1}}),
        ("report", {"slot": "spare"}),
        ("report", {"baseline_sha256": "B" * 64}),
        ("report", {"sequence": -1}),
        ("report", {"summary": bytes(65_537)}),
        ("report", {"summary": None}),
        ("assignment", {"envelope": bytes(16_385)}),
        ("sample", {"rows": (SAMPLED,) * 257}),
        ("sample", {"rows": (msgspec.structs.replace(SAMPLED, values=bytes(65_537)),)}),
        ("sample", {"rows": (msgspec.structs.replace(SAMPLED, row=-1),)}),
        ("sample", {"redacted": ("x",) * 4097}),
        ("feedback", {"labels": (LABELLED,) * 513}),
        ("feedback", {"labels": (msgspec.structs.replace(LABELLED, outputs=bytes(32_769)),)}),
        ("feedback", {"labels": (msgspec.structs.replace(LABELLED, weight=-1.0),)}),
        ("feedback", {"labels": (msgspec.structs.replace(LABELLED, label=None),)}),
        ("ack", {"sequences": (1,) * 1001}),
        ("ack", {"sequences": (-1,)}),
    ],
)
def test_a_field_outside_its_limit_is_refused(kind: str, changes: dict[str, Any]) -> None:
    wrong = msgspec.structs.replace(EXAMPLES[kind], **changes)
    with pytest.raises(MessageError, match="malformed"):
        decode(encode(wrong), type(wrong))


def test_no_message_is_larger_than_the_limit() -> None:
    report = EXAMPLES["report"]
    assert isinstance(report, Report)
    assert len(encode(msgspec.structs.replace(report, summary=bytes(65_536)))) < MAX_MESSAGE_BYTES
    with pytest.raises(MessageError, match="Report has 98"):
        encode(msgspec.structs.replace(report, summary=bytes(MAX_MESSAGE_BYTES)))
    with pytest.raises(MessageError, match="limit 98304"):
        decode(bytes(MAX_MESSAGE_BYTES + 1), Ack)


def test_the_largest_messages_that_the_limits_allow_fit() -> None:
    status = EXAMPLES["status"]
    assert isinstance(status, Status)
    counters = {f"{i:03d}" + "x" * 509: 2**53 for i in range(64)}
    full = msgspec.structs.replace(status, detail="x" * 512, slots=(SLOT,) * 8, counters=counters)
    assert decode(encode(full), Status) == full
    ack = Ack(boot_id=BOOT, sequences=(2**53,) * 1000)
    assert decode(encode(ack), Ack) == ack
    assignment = AssignmentMessage(envelope=bytes(16_384), repository_url="x" * 512)
    assert decode(encode(assignment), AssignmentMessage) == assignment


def test_a_text_with_nul_is_refused() -> None:
    status = msgspec.structs.replace(EXAMPLES["status"], detail="half\0a line")
    with pytest.raises(MessageError, match="malformed Status"):
        decode(encode(status), Status)
