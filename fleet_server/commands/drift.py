"""``leeway-fleet drift``: which devices' data has moved, against training and against their peers."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("Drift verdicts of each device.")

COLUMNS = (
    "device_id",
    "model",
    "version",
    "training.verdict",
    "training.features",
    "peers.verdict",
    "peers.features",
)


@command(app, "list")
def list_drift(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List the verdicts of all devices."""
    return Answer(client.list(api("drift"), limit=None if every else limit), COLUMNS)


@command(app, "show")
def show_drift(client: FleetClient, device_id: Annotated[str, typer.Argument(help="The device's id.")]) -> Answer:
    """Show one device's verdicts with their evidence."""
    return Answer(client.get(api("devices", device_id, "drift")))
