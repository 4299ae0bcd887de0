"""``leeway-fleet alerts``: what asks for a person's attention."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("Alerts: list and acknowledge.")

COLUMNS = (
    "alert_id",
    "state",
    "severity",
    "kind",
    "device_id",
    "deployment_id",
    "features",
    "opened_ms",
    "acknowledged_by",
    "sentence",
)


@command(app, "list")
def list_alerts(
    client: FleetClient,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state: open or closed.")] = None,
    incident: Annotated[str | None, typer.Option(help="Only those of this incident, by its id.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List alerts, the newest first."""
    body = client.list(api("alerts"), limit=None if every else limit, state=state, incident=incident)
    return Answer(body, COLUMNS)


@command(app, "acknowledge")
def acknowledge_alert(client: FleetClient, alert_id: Annotated[str, typer.Argument(help="The alert's id.")]) -> Answer:
    """Say that a person has seen an alert."""
    return Answer(client.post(api("alerts", alert_id, "acknowledge")), line=f"{alert_id} is acknowledged")
