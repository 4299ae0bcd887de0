"""A fleet in a notebook: what the server knows, as pandas or Arrow frames.

It speaks REST and imports nothing of the server; the extra ``client`` installs what it needs::

    from fleet_server.client import FleetClient

    with FleetClient("https://fleet.example:8443", token, ca="ca.crt") as fleet:
        frame = fleet.windows("power", features=["wind_speed"], since="2026-11-01")

The guide is ``docs/guides/ml-engineers.md``.
"""

from fleet_server.client.errors import BrokenAnswerError, ClientError, RefusedError, UnreachableError
from fleet_server.client.fleet_client import FleetClient

__all__ = ["BrokenAnswerError", "ClientError", "FleetClient", "RefusedError", "UnreachableError"]
