"""A fleet on a whole server, with one model whose streams are standard normal."""

from typing import Any

import numpy as np
import pytest

from device_contract.baseline import Baseline
from fleet_server.app import FleetServer
from tests.fleet_server.drift.fleet import Fleet
from tests.fleet_server.drift.windows import float32_stream


@pytest.fixture
def fleet(server: FleetServer, clock: Any) -> Fleet:
    generator = np.random.default_rng(99)
    made = Fleet(server, clock)
    for version in ("1", "2"):
        output = float32_stream("power", generator.standard_normal(20_000), role="output")
        names = ("temperature", "pressure")
        features = [float32_stream(name, np.random.default_rng(5).standard_normal(20_000)) for name in names]
        made.publish(version, Baseline(streams=(*features, output)), {"temperature": "°C", "power": "kW"})
    return made
