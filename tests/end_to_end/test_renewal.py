"""A device renews its certificate with the real server, and the broker takes the new one."""

from pathlib import Path

import pytest

from examples.wind_turbines.fleet import Fleet
from examples.wind_turbines.processes import free_port

pytestmark = pytest.mark.slow

PUMP = "pump-1"


def test_a_certificate_past_half_of_its_life_is_renewed(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, "demo")
    try:
        fleet.set_up("--mqtt-port", str(free_port()))
        settings = fleet.data / "fleet.toml"
        # A certificate begins an hour before it is issued: this one is past its half at once.
        settings.write_text(
            settings.read_text().replace("device_certificate_s = 7776000", "device_certificate_s = 1800")
        )
        fleet.serve()
        fleet.enroll(PUMP)
        first = (tmp_path / PUMP / "device.pem").read_bytes()
        fleet.run_agent(PUMP, "stdin", 60)
        audit = "/api/v1/audit?action=device.renew"
        fleet.until("the renewal", lambda: len(fleet.get(audit)["items"]) == 1)
        fleet.until("the new identity", lambda: (tmp_path / PUMP / "device.pem").read_bytes() != first)
        log = tmp_path / f"{PUMP}.log"
        fleet.until("the new connection", lambda: "connecting anew" in log.read_text().rpartition("connected to")[0])
        fleet.until("the device to be online", lambda: bool(fleet.get(f"/api/v1/devices/{PUMP}")["online"]))
    finally:
        fleet.close()
