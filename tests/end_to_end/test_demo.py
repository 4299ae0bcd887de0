"""The README's first command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from examples.wind_turbines import scenario

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_names_the_broken_sensor_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    arguments = ["-m", "examples.wind_turbines.demo", "--once", "--json", str(file)]
    played = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stdout
    result = json.loads(file.read_text())
    devices = {device["device_id"]: device for device in result["devices"]}
    assert sorted(devices) == sorted(scenario.TURBINES)
    named = {name: device["drift"]["own"]["features"] for name, device in devices.items()}
    assert named.pop(scenario.FAULTY_TURBINE) == [scenario.FAULTY_FEATURE]
    assert set(map(tuple, named.values())) == {()}
    assert {device["active_version"] for device in devices.values()} == {"2"}
    assert {d["version"]: len(d["waves"]) for d in result["deployments"]} == {"1": 1, "2": 2}
