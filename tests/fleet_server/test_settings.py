"""Settings: one file, read whole or refused with one line."""

import msgspec
import pytest

from fleet_server.errors import StartError
from fleet_server.settings import DataFolder, Settings, read_settings
from fleet_server.setup import set_up
from tests.fleet_server.conftest import ManualClock


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return DataFolder(tmp_path_factory.mktemp("data") / "fleet")


def test_what_init_writes_is_what_serve_reads(data: DataFolder, clock: ManualClock) -> None:
    settings = Settings(host="fleet.example.org", http_port=1, tick_s=0.5, mqtt_host='a"b\\')
    set_up(data, settings, clock)
    assert read_settings(data) == settings


def test_init_overwrites_nothing(data: DataFolder, clock: ManualClock) -> None:
    set_up(data, Settings(), clock)
    held = {path: path.read_bytes() for path in data.path.rglob("*") if path.is_file()}
    with pytest.raises(StartError, match="set up already"):
        set_up(data, Settings(http_port=1), clock)
    assert {path: path.read_bytes() for path in data.path.rglob("*") if path.is_file()} == held


def test_an_interrupted_init_is_finished_by_the_next(data: DataFolder, clock: ManualClock) -> None:
    set_up(data, Settings(), clock)
    data.settings_file.unlink()
    keys = {path.name: path.read_bytes() for path in data.keys.iterdir()}
    set_up(data, Settings(), clock)
    assert {path.name: path.read_bytes() for path in data.keys.iterdir()} == keys


@pytest.mark.parametrize(
    "text", ["", "http_port = 0", 'http_port = "x"', "unknown = 1", "= rubbish", "tick_s = 0", 'broker = "none"']
)
def test_only_what_is_described_is_accepted(data: DataFolder, text: str) -> None:
    data.path.mkdir()
    data.settings_file.write_text(text)
    if not text:
        assert read_settings(data) == Settings()
        return
    with pytest.raises(StartError, match="malformed settings"):
        read_settings(data)


def test_a_missing_file_says_what_to_do(data: DataFolder) -> None:
    with pytest.raises(StartError, match="leeway-fleet init --data"):
        read_settings(data)


def test_every_field_has_a_default() -> None:
    assert all(not field.required for field in msgspec.structs.fields(Settings))
