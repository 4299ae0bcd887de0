"""The repository's metadata: renewed in time, whole after a failure, with every old version kept."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Delegations, Metadata, Targets

from device_contract.policy import DIRECTOR_KEYS_PATH, DirectorKeys
from fleet_server.errors import ConflictError, InvalidRequestError, StartError
from fleet_server.settings import DAY_S, DataFolder
from fleet_server.trust.repository import Repository, create_repository
from fleet_server.trust.roles import Release
from tests.fleet_server import releases
from tests.fleet_server.conftest import ManualClock


@pytest.fixture
def data(tmp_path: Path, clock: ManualClock) -> DataFolder:
    made = DataFolder(tmp_path)
    create_repository(made, clock, DirectorKeys(keys=("00" * 32,)))
    return made


@pytest.fixture
def repository(data: DataFolder, clock: ManualClock) -> Repository:
    return Repository(data, clock)


@pytest.fixture
def ci(repository: Repository, clock: ManualClock) -> releases.Ci:
    made = releases.Ci("turbine", dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    repository.add_model("turbine", [made.key.public_key()], 1)
    return made


def listed(release: releases.Release, profile: str | None = None) -> Release:
    return Release(release.path, release.sha256, len(release.bundle), profile)


def names(data: DataFolder) -> set[str]:
    return {path.name for path in (data.repository / "metadata").iterdir()}


def test_the_first_metadata(data: DataFolder) -> None:
    assert names(data) == {"1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"}
    targets = Metadata[Targets].from_file(str(data.repository / "metadata" / "1.targets.json")).signed
    assert DIRECTOR_KEYS_PATH in targets.targets


def test_nothing_is_signed_again_before_half_life(data: DataFolder, repository: Repository, clock: ManualClock) -> None:
    clock.advance(3 * DAY_S)
    repository.renew()
    assert "2.snapshot.json" not in names(data)
    clock.advance(DAY_S)
    repository.renew()
    assert {"1.snapshot.json", "2.snapshot.json"} <= names(data)
    assert repository.expiries_s()["timestamp"] == 7 * DAY_S
    clock.advance(200 * DAY_S)
    repository.renew()
    assert {"1.root.json", "2.root.json", "2.targets.json"} <= names(data)
    assert min(repository.expiries_s().values()) == 7 * DAY_S


def test_a_restart_finds_what_was_published(
    data: DataFolder, repository: Repository, ci: releases.Ci, clock: ManualClock
) -> None:
    release = ci.release("1")
    assert repository.check(release.role, listed(release)) == 1
    assert repository.role("turbine") is None
    repository.publish(release.role, listed(release))
    assert Repository(data, clock).role("turbine") == release.role


def test_publishing_again_changes_nothing(data: DataFolder, repository: Repository, ci: releases.Ci) -> None:
    release = ci.release("1")
    repository.publish(release.role, listed(release))
    before = names(data)
    repository.publish(release.role, listed(release))
    assert names(data) == before


def test_a_failed_change_is_forgotten(
    data: DataFolder, repository: Repository, ci: releases.Ci, clock: ManualClock
) -> None:
    before = Repository(data, clock).expiries_s()
    draft = data.repository / "metadata" / ".2.targets.json.draft"
    (data.repository / "metadata" / "3.snapshot.json").mkdir()  # the next snapshot cannot be written
    release = ci.release("1")
    with pytest.raises(OSError, match="snapshot"):
        repository.publish(release.role, listed(release))
    assert repository.role("turbine") is None
    (data.repository / "metadata" / "3.snapshot.json").rmdir()
    repository.publish(release.role, listed(release))
    assert repository.role("turbine") == release.role
    assert not draft.exists()
    assert repository.expiries_s() == before


def test_a_model_keeps_its_keys(repository: Repository, ci: releases.Ci) -> None:
    repository.add_model("turbine", [ci.key.public_key()], 1)
    with pytest.raises(ConflictError, match="other keys"):
        repository.add_model("turbine", [Ed25519PrivateKey.generate().public_key()], 1)


def test_two_keys_are_needed_where_two_are_asked(repository: Repository, ci: releases.Ci) -> None:
    second = Ed25519PrivateKey.generate()
    repository.add_model("pump", [ci.key.public_key(), second.public_key()], 2)
    alone = releases.Ci("pump", ci.now, key=ci.key)
    release = alone.release("1")
    with pytest.raises(InvalidRequestError, match="1/2 keys"):
        repository.check(release.role, listed(release))


def test_a_model_may_not_delegate_or_leave_its_paths(repository: Repository, ci: releases.Ci) -> None:
    release = ci.release("1")
    ci.role.delegations = Delegations({}, {})
    with pytest.raises(InvalidRequestError, match="delegate"):
        repository.check(ci.signed_role(), listed(release))
    ci.role.delegations = None
    ci.role.targets["fleet/policy.json"] = ci.role.targets[release.path]
    with pytest.raises(InvalidRequestError, match="outside of the model's paths"):
        repository.check(ci.signed_role(), listed(release))


def test_what_was_not_uploaded_is_not_listed(repository: Repository, ci: releases.Ci) -> None:
    ci.release("1")
    second = ci.release("2")
    ci.role.version = 1
    with pytest.raises(InvalidRequestError, match="was not uploaded"):
        repository.check(ci.signed_role(), listed(second))


def test_profile_and_counter_are_in_the_role(repository: Repository, ci: releases.Ci) -> None:
    release = ci.release("1")
    with pytest.raises(InvalidRequestError, match="another profile"):
        repository.check(release.role, listed(release, profile="raspberry-pi-4"))
    ci.role.targets[release.path].unrecognized_fields.clear()
    with pytest.raises(InvalidRequestError, match="without a release counter"):
        repository.check(ci.signed_role(), listed(release))


def test_corrupt_metadata_stops_the_start(data: DataFolder, clock: ManualClock) -> None:
    (data.repository / "metadata" / "1.targets.json").write_bytes(b"{")
    with pytest.raises(StartError, match="corrupt"):
        Repository(data, clock)
