"""Assignments and download grants."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from device_contract.assignment import PAYLOAD_TYPE, AssignedSlot, Assignment, decode_assignment
from device_contract.envelope import verify
from fleet_server.errors import ForbiddenError
from fleet_server.trust.director import Director
from fleet_server.trust.grants import DownloadGrants
from tests.fleet_server.conftest import ManualClock


def test_an_assignment_verifies_under_the_published_keys() -> None:
    director = Director(Ed25519PrivateKey.generate())
    slot = AssignedSlot(
        slot="champion",
        model="turbine",
        version="1",
        target_path="turbine/1/portable.bundle",
        sha256="0" * 64,
        length_bytes=1,
    )
    assignment = Assignment(device_id="t1", sequence=1, action_id="a", issued_ms=1, expires_ms=2, slots=(slot,))
    signed = director.sign_assignment(assignment)
    assert signed == director.sign_assignment(assignment)
    assert decode_assignment(verify(signed, PAYLOAD_TYPE, director.keys().public_keys())) == assignment


def test_a_grant_names_its_device_until_it_ends() -> None:
    clock = ManualClock()
    grants = DownloadGrants(b"s" * 32, "https://fleet:1", clock, life_s=60)
    grant = grants.repository_url("t_1-x").rpartition("/")[2]
    assert grants.check(grant) == "t_1-x"
    clock.advance(60)
    with pytest.raises(ForbiddenError, match="expired"):
        grants.check(grant)


@given(st.text())
def test_nothing_else_is_a_grant(text: str) -> None:
    grants = DownloadGrants(b"s" * 32, "https://fleet:1", ManualClock(), life_s=60)
    with pytest.raises(ForbiddenError, match="not one of ours"):
        grants.check(text)
