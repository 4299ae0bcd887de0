from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import SSlibKey
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Snapshot, Targets

from compiler.errors import PublishError
from compiler.release_role import Release, next_role

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ONE = Release("pump/1/portable.bundle", None, b"one")
ONE_FOR_PI = Release("pump/1/raspberry-pi-4.bundle", "raspberry-pi-4", b"one for a pi")
TWO = Release("pump/2/portable.bundle", None, b"two")


def publish(*releases: Release, key: Ed25519PrivateKey = KEY) -> bytes:
    role = None
    for release in releases:
        role = next_role(role, release, key, NOW)
    assert role is not None
    return role


def targets(role: bytes) -> Targets:
    return Metadata[Targets].from_bytes(role).signed


def counters(role: bytes) -> dict[str, int]:
    found = targets(role).targets
    return {path: target.unrecognized_fields["custom"]["release_counter"] for path, target in found.items()}


def test_the_first_release_makes_version_one() -> None:
    role = targets(publish(ONE))
    target = role.targets[ONE.target_path]
    assert role.version == 1
    assert role.expires == datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC) + timedelta(days=180)
    assert target.unrecognized_fields["custom"] == {"release_counter": 1, "profile": None}
    target.verify_length_and_hashes(b"one")


def test_a_delegation_to_the_key_accepts_the_role() -> None:
    public = SSlibKey.from_crypto(KEY.public_key())
    role = DelegatedRole("m-pump", [public.keyid], 1, terminating=True, paths=["pump/*/*"])
    delegator = Targets(delegations=Delegations({public.keyid: public}, {"m-pump": role}))
    metadata = Metadata[Targets].from_bytes(publish(ONE, TWO))
    delegator.verify_delegate("m-pump", metadata.signed_bytes, metadata.signatures)
    assert all(role.is_delegated_path(path) for path in metadata.signed.targets)


def test_releases_are_added_and_none_is_lost() -> None:
    first, second = publish(ONE), publish(ONE, TWO)
    assert targets(second).version == 2
    assert targets(second).targets[ONE.target_path] == targets(first).targets[ONE.target_path]


def test_a_counter_rises_with_each_version_and_is_one_for_its_variants() -> None:
    assert counters(publish(ONE, TWO, ONE_FOR_PI)) == {
        ONE.target_path: 1,
        TWO.target_path: 2,
        ONE_FOR_PI.target_path: 1,
    }


def test_the_same_release_again_changes_nothing() -> None:
    assert next_role(publish(ONE, TWO), ONE, KEY, NOW) is None


def test_other_bytes_under_a_published_version_are_refused() -> None:
    with pytest.raises(PublishError, match="with other bytes: choose a new version"):
        next_role(publish(ONE), Release(ONE.target_path, None, b"changed"), KEY, NOW)


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert publish(ONE, TWO) == publish(ONE, TWO)


def test_a_role_that_this_key_did_not_sign_is_not_extended() -> None:
    with pytest.raises(PublishError, match="not signed by this key"):
        next_role(publish(ONE, key=OTHER), TWO, KEY, NOW)


def test_a_role_that_was_changed_after_it_was_signed_is_not_extended() -> None:
    with pytest.raises(PublishError, match=r"signature .* is wrong"):
        next_role(publish(ONE).replace(b'"version":1', b'"version":7'), TWO, KEY, NOW)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"signed":{},"signatures":[]}', b"\xff", b"[" * 100_000])
def test_rubbish_from_the_server_is_refused(data: bytes) -> None:
    with pytest.raises(PublishError, match="malformed"):
        next_role(data, ONE, KEY, NOW)


def test_another_kind_of_metadata_is_refused() -> None:
    with pytest.raises(PublishError, match="not signed by this key"):
        next_role(Metadata(Snapshot(expires=NOW.replace(microsecond=0))).to_bytes(), ONE, KEY, NOW)
