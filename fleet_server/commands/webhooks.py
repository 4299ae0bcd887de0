"""``leeway-fleet webhooks``: where alerts are sent."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("Webhooks: addresses that get the alerts.")

COLUMNS = ("webhook_id", "url", "created_ms")


@command(app, "list")
def list_webhooks(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List webhooks."""
    return Answer(client.list(api("webhooks"), limit=None if every else limit), COLUMNS)


@command(app, "add")
def add_webhook(
    client: FleetClient, url: Annotated[str, typer.Argument(help="Address that alerts are posted to.")]
) -> Answer:
    """Add a webhook; the secret that signs its deliveries alone goes to standard output, this once."""
    answer = client.post(api("webhooks"), {"url": url})
    return Answer(answer, line=answer["secret"], note="keep the secret now: it is not shown again")


@command(app, "remove")
def remove_webhook(client: FleetClient, webhook_id: Annotated[str, typer.Argument(help="The webhook's id.")]) -> Answer:
    """Remove a webhook."""
    return Answer(client.delete(api("webhooks", webhook_id)), line=f"{webhook_id} is removed")
