"""A fleet on a whole server, with one model whose streams are standard normal.

Versions 1 and 2 were trained on the same rows, version 3 on others.
"""

from typing import Any

import numpy as np
import pytest

from device_contract.baseline import Baseline
from fleet_server.app import FleetServer
from tests.fleet_server.drift.fleet import Fleet
from tests.fleet_server.drift.windows import float32_stream


@pytest.fixture
def fleet(server: FleetServer, clock: Any) -> Fleet:
    return make_fleet(server, clock)


def make_fleet(server: FleetServer, clock: Any) -> Fleet:
    """Return a fleet whose model is published."""
    generator = np.random.default_rng(99)
    made = Fleet(server, clock)
    for version, sample in (("1", 5), ("2", 5), ("3", 6)):
        output = float32_stream("power", generator.standard_normal(20_000), role="output")
        names = ("temperature", "pressure")
        features = [float32_stream(name, np.random.default_rng(sample).standard_normal(20_000)) for name in names]
        baseline = Baseline(streams=(*features, output))
        made.publish(version, baseline, {"temperature": "°C", "power": "kW"})
        if version == "1":
            made.publish(version, baseline, {}, model="other")
    return made
