"""``leeway-fleet incidents``: alerts of one cause, and who looks after them."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("Incidents: alerts of one cause, told of once.")

IncidentId = Annotated[str, typer.Argument(help="The incident's id.")]

COLUMNS = (
    "incident_id",
    "state",
    "severity",
    "kind",
    "model",
    "features",
    "devices",
    "owner",
    "opened_ms",
    "acknowledged_by",
    "sentence",
)


@command(app, "list")
def list_incidents(
    client: FleetClient,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state: open or closed.")] = None,
    model: Annotated[str | None, typer.Option(help="Only those of this model.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List incidents, the newest first."""
    body = client.list(api("incidents"), limit=None if every else limit, state=state, model=model)
    return Answer(body, COLUMNS)


@command(app, "show")
def show_incident(client: FleetClient, incident_id: IncidentId) -> Answer:
    """Show an incident."""
    return Answer(client.get(api("incidents", incident_id)))


@command(app, "acknowledge")
def acknowledge_incident(client: FleetClient, incident_id: IncidentId) -> Answer:
    """Say that a person has seen an incident and its alerts."""
    return Answer(client.post(api("incidents", incident_id, "acknowledge")), line=f"{incident_id} is acknowledged")


@command(app, "assign")
def assign_incident(
    client: FleetClient, incident_id: IncidentId, owner: Annotated[str, typer.Argument(help="Who looks after it.")]
) -> Answer:
    """Say who looks after an incident."""
    body = client.patch(api("incidents", incident_id), {"owner": owner})
    return Answer(body, line=f"{incident_id} is {owner}'s" if owner else f"{incident_id} has no owner")


@command(app, "close")
def close_incident(client: FleetClient, incident_id: IncidentId) -> Answer:
    """Close an incident and its alerts by hand."""
    return Answer(client.post(api("incidents", incident_id, "close")), line=f"{incident_id} is closed")
