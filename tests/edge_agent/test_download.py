"""Downloads from a real HTTPS server that breaks off."""

from itertools import pairwise
from pathlib import Path

import pytest

from edge_agent.download import CHUNK_BYTES, Download, fetch_file, secure_pool
from edge_agent.errors import RefusalError
from tests.edge_agent.fleet_simulator import FleetSimulator

DATA = bytes(range(256)) * 2000
FAST = 1e9


@pytest.fixture
def target(fleet: FleetSimulator, tmp_path: Path) -> Download:
    fleet.repository.files["targets/pump/file"] = DATA
    url = f"{fleet.url}/device/v1/repository/grant/targets/pump/file"
    return Download(url, tmp_path / "file.part", len(DATA), FAST)


def fetch(fleet: FleetSimulator, target: Download) -> bytes:
    fetch_file(secure_pool(fleet.folder / "ca.crt"), target)
    return target.partial_path.read_bytes()


def test_whole(fleet: FleetSimulator, target: Download) -> None:
    assert fetch(fleet, target) == DATA
    assert [spec for _path, spec in fleet.requests] == [""]


def test_goes_on_where_an_earlier_process_stopped(fleet: FleetSimulator, target: Download) -> None:
    target.partial_path.write_bytes(DATA[:100_000])
    assert fetch(fleet, target) == DATA
    assert [spec for _path, spec in fleet.requests] == ["bytes=100000-"]


def test_goes_on_after_each_broken_connection(fleet: FleetSimulator, target: Download) -> None:
    fleet.cut_after_bytes = 150_000
    assert fetch(fleet, target) == DATA
    starts = [int(spec[6:-1]) for _path, spec in fleet.requests if spec]
    assert len(starts) == 3
    assert all(150_000 - CHUNK_BYTES <= after - before <= 150_000 for before, after in pairwise([0, *starts]))


def test_gives_up_when_no_byte_comes(fleet: FleetSimulator, target: Download) -> None:
    fleet.cut_after_bytes = 0
    with pytest.raises(RefusalError) as refused:
        fetch(fleet, target)
    assert (refused.value.reason_code, refused.value.is_final) == ("server_unreachable", False)


def test_a_missing_file(fleet: FleetSimulator, target: Download) -> None:
    fleet.repository.files.clear()
    with pytest.raises(RefusalError, match="answered 404"):
        fetch(fleet, target)


def test_never_more_than_the_length(fleet: FleetSimulator, target: Download) -> None:
    short = Download(target.url, target.partial_path, 1000, FAST)
    assert fetch(fleet, short) == DATA[:1000]


def test_another_ca_is_not_trusted(target: Download, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = FleetSimulator(other)
    try:
        with pytest.raises(RefusalError, match="certificate verify failed"):
            fetch_file(secure_pool(other / "ca.crt"), target)
    finally:
        stranger.close()
