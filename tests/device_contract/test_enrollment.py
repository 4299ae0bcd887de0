"""The token, and the JSON of enrolment and renewal: golden bytes, newer writers, and rubbish."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.canonical import canonical_json
from device_contract.enrollment import (
    MAX_ENROLLMENT_BYTES,
    EnrollmentRequest,
    EnrollmentResponse,
    EnrollmentToken,
    RenewalRequest,
    decode_enrollment,
    parse_token,
)
from device_contract.errors import EnrollmentError

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats" / "enrollment.md").read_text()
TOKEN = EnrollmentToken("0123456789abcdef", "s" * 43, "5a" * 32)
EXAMPLES: dict[str, Any] = {
    "request": EnrollmentRequest(token=str(TOKEN), csr_pem="a request", profile="raspberry-pi-4"),
    "response": EnrollmentResponse(
        device_id="pump-7",
        certificate_pem="a certificate",
        ca_pem="the CA",
        tuf_root="{}",
        mqtt_host="fleet.example.org",
        mqtt_port=8883,
    ),
    "renewal": RenewalRequest(certificate_pem="a certificate", csr_pem="a request", signature=bytes(range(72))),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden_bytes_are_read_and_written_for_ever(name: str, golden: Path) -> None:
    data = (golden / "enrollment" / f"{name}.json").read_bytes()
    assert canonical_json(EXAMPLES[name]) == data
    assert decode_enrollment(data, type(EXAMPLES[name])) == EXAMPLES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_has_a_line_for_each_member(name: str) -> None:
    section = PAGE.partition(f"## {type(EXAMPLES[name]).__name__}\n")[2].partition("\n## ")[0]
    for member in type(EXAMPLES[name]).__struct_fields__:
        assert f"`{member}`" in section


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_a_newer_writer_adds_is_ignored(name: str) -> None:
    data = msgspec.json.encode({**msgspec.to_builtins(EXAMPLES[name]), "added_later": [1]})
    assert decode_enrollment(data, type(EXAMPLES[name])) == EXAMPLES[name]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("request", {"schema_version": 2}),
        ("request", {"profile": "../x"}),
        ("request", {"csr_pem": "x" * 16_385}),
        ("response", {"device_id": "a/b"}),
        ("response", {"mqtt_port": 0}),
        ("renewal", {"signature": "no base64!"}),
        ("renewal", {"signature": "A" * 176}),
        ("renewal", {"certificate_pem": None}),
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused(name: str, change: dict[str, Any]) -> None:
    data = msgspec.json.encode({**msgspec.to_builtins(EXAMPLES[name]), **change})
    with pytest.raises(EnrollmentError, match=f"malformed {type(EXAMPLES[name]).__name__}"):
        decode_enrollment(data, type(EXAMPLES[name]))


@given(st.binary(max_size=200), st.sampled_from(sorted(EXAMPLES)))
def test_rubbish_is_one_error(data: bytes, name: str) -> None:
    with pytest.raises(EnrollmentError):
        decode_enrollment(data, type(EXAMPLES[name]))


def test_what_is_oversized_or_nested_is_refused() -> None:
    with pytest.raises(EnrollmentError, match=f"limit {MAX_ENROLLMENT_BYTES}"):
        decode_enrollment(b" " * (MAX_ENROLLMENT_BYTES + 1), EnrollmentRequest)
    with pytest.raises(EnrollmentError, match="malformed"):
        decode_enrollment(b"[" * 100_000, EnrollmentRequest)


def test_a_token_survives_its_round_trip() -> None:
    assert parse_token(f" {TOKEN}\n") == TOKEN


@pytest.mark.parametrize(
    "text",
    ["", "lw1", "lw2" + str(TOKEN)[3:], str(TOKEN)[:-1], str(TOKEN) + "0", str(TOKEN).upper(), f"{TOKEN}\n{TOKEN}"],
)
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(EnrollmentError, match="not an enrolment token"):
        parse_token(text)
