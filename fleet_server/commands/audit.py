"""``leeway-fleet audit``: who changed what, and when."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("The audit log.")

COLUMNS = ("time_ms", "actor", "action", "subject", "detail")


@command(app, "list")
def list_audit(
    client: FleetClient,
    *,
    action: Annotated[str | None, typer.Option(help="Only this action, such as device.revoke.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only changes of the thing with this id.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List changes, the newest first."""
    page = client.list(api("audit"), limit=None if every else limit, action=action, subject=subject)
    return Answer(page, COLUMNS)
