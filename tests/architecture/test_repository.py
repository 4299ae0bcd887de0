"""What has to hold of the repository itself."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from device_contract.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_pins_names_versions_and_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    requirements = re.split(r"\n(?=\S)", lock.strip())
    assert len(requirements) > 50
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "://" not in lock


def test_no_tracked_file_is_large() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, tracked.split(b"\0")):
        path = ROOT / name.decode()
        assert path.stat().st_size <= 8 << 20, path


def test_devices_and_commands_tell_the_version_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


@pytest.mark.parametrize(
    ("command", "house"),
    [("leeway-agent", "edge_agent"), ("leeway-compiler", "compiler"), ("leeway-fleet", "fleet_server")],
)
def test_each_command_tells_its_name_and_version(
    command: str, house: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [command, "--version"])
    with pytest.raises(SystemExit) as ended:
        import_module(f"{house}.cli").main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{command} {VERSION}\n"
