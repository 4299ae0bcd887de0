from pathlib import Path

import pytest

from edge_agent.errors import SettingsError
from edge_agent.settings import Settings, changed, first_settings, read_settings

SETTINGS = Settings(
    device_id="pump-7", profile="generic-x86_64", server_url='https://"odd"\\', mqtt_host="::1", mqtt_port=8883
)


def write(folder: Path, more: str = "") -> None:
    (folder / "agent.toml").write_bytes(first_settings(SETTINGS) + more.encode())


def test_what_enrolment_writes_is_read_with_defaults(tmp_path: Path) -> None:
    write(tmp_path)
    assert read_settings(tmp_path) == SETTINGS


def test_a_setting_is_changed(tmp_path: Path) -> None:
    write(tmp_path, "window_s = 60\nprobation_rows = 5\n")
    assert read_settings(tmp_path).window_s == 60


@pytest.mark.parametrize(
    "more", ["windows_s = 60\n", "window_s = 0\n", 'window_s = "long"\n', "mqtt_port = 1\n", "keepalive_s = 4\n", "=\n"]
)
def test_a_wrong_setting_is_one_clear_line(tmp_path: Path, more: str) -> None:
    write(tmp_path, more)
    with pytest.raises(SettingsError, match=r"agent\.toml: .+") as error:
        read_settings(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("window_s", [0.25, 60.0, 5400.0, 86_400.0, 7 * 86_400.0])
def test_a_window_divides_a_day_or_is_whole_days(window_s: float) -> None:
    assert changed(SETTINGS, window_s=window_s).window_s == window_s


@pytest.mark.parametrize(
    "window_s", [0.0, -5.0, float("nan"), float("inf"), 7.0, 7200.5, 100_000.0, 1.5 * 86_400, 0.0004]
)
def test_a_window_of_the_command_line_has_the_setting_s_bounds(window_s: float) -> None:
    with pytest.raises(SettingsError, match=r"^cannot use these settings: .*window_s"):
        changed(SETTINGS, window_s=window_s)


def test_a_folder_without_a_device(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="run `leeway-agent enroll` first"):
        read_settings(tmp_path)
