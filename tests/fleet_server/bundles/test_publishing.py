"""What CI publishes is verified, kept, shown, and made known to the devices."""

import datetime as dt

import pytest

from device_contract.canonical import sha256_hex
from fleet_server.app import FleetServer
from fleet_server.settings import DataFolder
from tests.fleet_server.conftest import AppClient, ManualClock, SharedServer
from tests.fleet_server.releases import Ci, baseline, bundle_bytes, statement


@pytest.fixture
def ci(http: AppClient, clock: ManualClock) -> Ci:
    return ci_of(http, clock)


@pytest.fixture(scope="module")
def refused_ci(shared: SharedServer) -> Ci:
    return ci_of(shared.http, shared.clock)


def ci_of(http: AppClient, clock: ManualClock) -> Ci:
    """Register a model."""
    made = Ci("turbine", dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    answer = http.post("/api/v1/models", json={"name": "turbine", "public_keys": [made.public_key]})
    assert answer.status_code == 201
    return made


VERSIONS = "/api/v1/models/turbine/versions"


def test_a_release_is_stored_and_listed(http: AppClient, ci: Ci, server: FleetServer) -> None:
    release = ci.release("1")
    answer = http.post(VERSIONS, files=release.files())
    assert answer.status_code == 201, answer.text
    assert answer.json()["sha256"] == release.sha256
    assert answer.json()["release_counter"] == 1
    assert [item["version"] for item in http.get(VERSIONS).json()["items"]] == ["1"]
    assert http.get("/api/v1/models/turbine/role").content == release.role
    assert server.rooms.bundles.baseline(answer.json()["baseline_sha256"]) == baseline()
    manifest = server.rooms.bundles.manifest(release.sha256)
    assert manifest is not None
    assert manifest.version == "1"


def test_the_same_bytes_again_change_nothing(http: AppClient, ci: Ci) -> None:
    release = ci.release("1")
    assert http.post(VERSIONS, files=release.files()).status_code == 201
    assert http.post(VERSIONS, files=release.files()).status_code == 200
    assert len(http.get(VERSIONS).json()["items"]) == 1


def test_a_version_never_changes(http: AppClient, ci: Ci) -> None:
    assert http.post(VERSIONS, files=ci.release("1").files()).status_code == 201
    other = bundle_bytes("turbine", "1", content=b"other")
    release = ci.release("2")
    signature = statement("turbine/1/portable.bundle", sha256_hex(other), ci.key)
    answer = http.post(VERSIONS, files=release.files(bundle=other, signature=signature))
    assert (answer.status_code, answer.json()["code"]) == (409, "version_exists")


def test_a_stopped_publication_is_completed_by_the_next(http: AppClient, ci: Ci, folder: DataFolder) -> None:
    release = ci.release("1")
    in_the_way = folder.repository / "metadata" / "1.m-turbine.json"
    in_the_way.mkdir()  # the disk fails at this moment
    assert http.post(VERSIONS, files=release.files()).status_code == 503
    in_the_way.rmdir()
    assert http.get("/api/v1/models/turbine/role").status_code == 404
    assert http.post(VERSIONS, files=release.files()).status_code == 200
    assert http.get("/api/v1/models/turbine/role").content == release.role


def test_a_version_has_a_bundle_for_each_profile(http: AppClient, ci: Ci) -> None:
    for profile, counter in ((None, 1), ("raspberry-pi-4", 1)):
        assert http.post(VERSIONS, files=ci.release("1", profile=profile, counter=counter).files()).status_code == 201
    assert [variant["profile"] for variant in http.get(f"{VERSIONS}/1").json()["variants"]] == [None, "raspberry-pi-4"]


def _truncated(release: dict[str, bytes]) -> dict[str, bytes]:
    return release | {"bundle": release["bundle"][:-512]}


def _corrupt(release: dict[str, bytes]) -> dict[str, bytes]:
    bundle = bytearray(release["bundle"])
    bundle[-2000] ^= 1
    return release | {"bundle": bytes(bundle)}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda files: files | {"bundle": b""}, "bundle_invalid"),
        (lambda files: files | {"bundle": b"rubbish" * 1000}, "bundle_invalid"),
        (_truncated, "bundle_invalid"),
        (_corrupt, "bundle_invalid"),
        (lambda files: files | {"bundle": bundle_bytes("other", "1")}, "wrong_model"),
        (lambda files: files | {"signature": b"{}"}, "signature_invalid"),
        (lambda files: files | {"role": b"\x00rubbish"}, "role_invalid"),
        (lambda files: files | {"role": b"[" * 100_000}, "role_invalid"),
        (lambda files: {name: data for name, data in files.items() if name != "role"}, "invalid_request"),
    ],
)
def test_bad_uploads_are_refused_with_a_reason(shared: SharedServer, refused_ci: Ci, change: object, code: str) -> None:
    answer = shared.http.post(VERSIONS, files=change(refused_ci.release("1").files()))  # type: ignore[operator]
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert shared.http.get(VERSIONS).json()["items"] == []


def test_only_the_models_key_signs(http: AppClient, ci: Ci) -> None:
    stranger = Ci("turbine", ci.now)
    answer = http.post(VERSIONS, files=stranger.release("1").files())
    assert answer.json()["code"] == "signature_invalid"
    release = ci.release("1")
    answer = http.post(VERSIONS, files=release.files(role=stranger.signed_role()))
    assert answer.json()["code"] == "role_not_signed"


def test_a_role_only_grows(http: AppClient, ci: Ci) -> None:
    first = ci.release("1")
    assert http.post(VERSIONS, files=first.files()).status_code == 201
    second = ci.release("2")
    del ci.role.targets[first.path]
    answer = http.post(VERSIONS, files=second.files(role=ci.signed_role()))
    assert answer.json()["code"] == "role_drops_release"
    answer = http.post(VERSIONS, files=second.files(role=first.role))
    assert answer.json()["code"] == "role_stale"
    assert http.post(VERSIONS, files=second.files()).status_code == 201


def test_the_release_counter_rises(http: AppClient, ci: Ci) -> None:
    assert http.post(VERSIONS, files=ci.release("1", counter=5).files()).status_code == 201
    answer = http.post(VERSIONS, files=ci.release("2", counter=5).files())
    assert (answer.status_code, answer.json()["code"]) == (422, "counter_stale")


def test_a_role_may_not_live_too_long(http: AppClient, ci: Ci) -> None:
    release = ci.release("1")
    ci.now += dt.timedelta(days=400)
    answer = http.post(VERSIONS, files=release.files(role=ci.signed_role()))
    assert answer.json()["code"] == "role_invalid"


def test_models_are_checked(http: AppClient, ci: Ci) -> None:
    again = http.post("/api/v1/models", json={"name": "turbine", "public_keys": [ci.public_key]})
    assert (again.status_code, again.json()["code"]) == (409, "model_exists")
    bad = [
        {"name": "../up", "public_keys": [ci.public_key]},
        {"name": "fleet", "public_keys": [ci.public_key]},
        {"name": "m", "public_keys": ["zz"]},
        {"name": "m", "public_keys": []},
        {"name": "m", "public_keys": [ci.public_key], "threshold": 2},
        {"name": "m", "public_keys": [ci.public_key, ci.public_key], "threshold": 2},
    ]
    assert [http.post("/api/v1/models", json=body).status_code for body in bad] == [422] * len(bad)
    assert http.get("/api/v1/models/none").status_code == 404
    assert http.get("/api/v1/models/none/versions").status_code == 404
    assert http.get(f"{VERSIONS}/none").status_code == 404


def test_versions_come_in_pages(http: AppClient, ci: Ci) -> None:
    for version in "123":
        assert http.post(VERSIONS, files=ci.release(version).files()).status_code == 201
    first = http.get(VERSIONS, params={"limit": 2}).json()
    second = http.get(VERSIONS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["version"] for item in first["items"] + second["items"]] == ["3", "2", "1"]
    assert second["next_cursor"] is None
    assert http.get(VERSIONS, params={"cursor": "rubbish"}).status_code == 422
