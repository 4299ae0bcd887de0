"""A plant with three devices on a whole server."""

import pytest

from fleet_server.app import FleetServer
from tests.fleet_server.feedback.plant import Plant


@pytest.fixture
def plant(server: FleetServer) -> Plant:
    made = Plant(server)
    for device_id, site in {"mill-1": "north", "mill-2": "north", "mill-3": "south"}.items():
        made.enrol(device_id, site=site)
    return made
