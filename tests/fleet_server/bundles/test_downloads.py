"""Devices fetch metadata and targets by a granted address, and TUF's own client accepts them."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from fleet_server.app import FleetServer
from fleet_server.settings import DataFolder
from tests.fleet_server.conftest import AppClient, ManualClock, SharedServer
from tests.fleet_server.enrolling import enroll
from tests.fleet_server.releases import Ci, Release

ORIGIN = "https://127.0.0.1:8443"


@pytest.fixture
def release(http: AppClient, clock: ManualClock) -> Release:
    ci = Ci("turbine", dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    http.post("/api/v1/models", json={"name": "turbine", "public_keys": [ci.public_key]})
    made = ci.release("1")
    assert http.post("/api/v1/models/turbine/versions", files=made.files()).status_code == 201
    return made


@pytest.fixture
def address(http: AppClient, server: FleetServer) -> str:
    return address_for_device(http, server)


@pytest.fixture(scope="module")
def shared_address(shared: SharedServer) -> str:
    return address_for_device(shared.http, shared.server)


def address_for_device(http: AppClient, server: FleetServer) -> str:
    enroll(http, "t1")
    return server.rooms.grants.repository_url("t1").removeprefix(ORIGIN)


def target_of(address: str, release: Release) -> str:
    return f"{address}/targets/turbine/1/{release.sha256}.portable.bundle"


def test_a_target_comes_whole_or_by_range(http: AppClient, address: str, release: Release) -> None:
    device, path = http.as_holder(""), target_of(address, release)
    whole = device.get(path)
    assert whole.content == release.bundle
    assert whole.headers["etag"] == f'"{release.sha256}"'
    rest = device.get(path, headers={"Range": "bytes=1000-", "If-Range": whole.headers["etag"]})
    assert (rest.status_code, rest.content) == (206, release.bundle[1000:])
    changed = device.get(path, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, release.bundle)
    assert device.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "targets/turbine/1/portable.bundle",
        "targets/turbine/1/" + "0" * 64 + ".portable.bundle",
        "targets/fleet/director-keys.json",
        "targets/..%2f..%2fkeys/ca.key",
        "targets/fleet/..%2f..%2f..%2fkeys%2fca.key",
        "metadata/..%2f..%2fkeys%2fca.key",
        "metadata/2.root.json",
        "metadata/.timestamp.json.draft",
    ],
)
def test_nothing_else_is_served(shared: SharedServer, shared_address: str, path: str) -> None:
    answer = shared.http.as_holder("").get(f"{shared_address}/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_target_is_served_under_its_own_path_only(http: AppClient, address: str, release: Release) -> None:
    path = f"{address}/targets/turbine/2/{release.sha256}.portable.bundle"
    assert http.as_holder("").get(path).status_code == 404


def test_grants_end_and_cannot_be_forged(http: AppClient, address: str, clock: ManualClock) -> None:
    device = http.as_holder("")
    assert device.get(f"{address}/metadata/timestamp.json").status_code == 200
    forged = address.replace("t1.", "t2.")
    for bad in (forged, address[:-1], "/device/v1/repository/x"):
        answer = device.get(f"{bad}/metadata/timestamp.json")
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_invalid")
    assert device.get("/device/v1/repository/%C3%A9.1.2/metadata/timestamp.json").status_code == 422
    clock.advance(86_400)
    assert device.get(f"{address}/metadata/timestamp.json").json()["code"] == "grant_expired"


def test_a_revoked_device_gets_nothing(http: AppClient, address: str) -> None:
    assert http.post("/api/v1/devices/t1/revoke").status_code == 200
    answer = http.as_holder("").get(f"{address}/metadata/timestamp.json")
    assert (answer.status_code, answer.json()["code"]) == (403, "device_inactive")


def test_a_corrupt_file_is_never_served_and_is_mended(
    http: AppClient, address: str, release: Release, folder: DataFolder
) -> None:
    device, path = http.as_holder(""), target_of(address, release)
    assert device.get(path).status_code == 200
    stored = folder.bundles / f"{release.sha256}.bundle"
    stored.write_bytes(b"rotten" + release.bundle[6:])
    os.utime(stored, ns=(1, 1))
    answer = device.get(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "bundle_corrupt")
    assert http.post("/api/v1/models/turbine/versions", files=release.files()).status_code == 200
    assert device.get(path).content == release.bundle


class AppFetcher(FetcherInterface):
    """Fetches from the application in this process."""

    def __init__(self, http: AppClient) -> None:
        self.http = http

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self.http.get(url.removeprefix(ORIGIN))
        if answer.status_code != 200:
            raise DownloadHTTPError(answer.text, answer.status_code)
        yield answer.content


def updater(http: AppClient, address: str, folder: Path, root: str, clock: ManualClock) -> Updater:
    base = f"{ORIGIN}{address}"
    (folder / "targets").mkdir(exist_ok=True, parents=True)
    made = Updater(
        str(folder),
        f"{base}/metadata/",
        str(folder / "targets"),
        f"{base}/targets/",
        fetcher=AppFetcher(http.as_holder("")),
        bootstrap=root.encode(),
    )
    made._trusted_set.reference_time = dt.datetime.fromtimestamp(clock() // 1000, dt.UTC)
    return made


def test_tufs_own_client_finds_the_bundle(
    http: AppClient, server: FleetServer, clock: ManualClock, tmp_path: Path, release: Release
) -> None:
    root = enroll(http, "t1").answer["tuf_root"]
    address = server.rooms.grants.repository_url("t1").removeprefix(ORIGIN)
    client = updater(http, address, tmp_path / "device", root, clock)
    for path in (release.path, "fleet/director-keys.json", "fleet/policy.json"):
        found = client.get_targetinfo(path)
        assert found is not None, path
        assert Path(client.download_target(found)).stat().st_size == found.length
    assert client.get_targetinfo("turbine/2/portable.bundle") is None


def test_after_years_the_client_still_walks_to_the_newest_root(
    http: AppClient, server: FleetServer, clock: ManualClock, tmp_path: Path
) -> None:
    root = enroll(http, "t1").answer["tuf_root"]
    for _ in range(20):
        clock.advance(100 * 86_400)
        server.rooms.repository.renew()
    address = server.rooms.grants.repository_url("t1").removeprefix(ORIGIN)
    client = updater(http, address, tmp_path / "device", root, clock)
    client.refresh()
    found = client.get_targetinfo("fleet/policy.json")
    assert found is not None
