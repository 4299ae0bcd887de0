"""``leeway-fleet receivers``: who is told of incidents."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.errors import UsageError
from fleet_server.commands.output import Answer

app = group("Receivers: webhooks, e-mail addresses and the operators' MQTT topic.")

ReceiverName = Annotated[str, typer.Argument(help="The receiver's name.")]

COLUMNS = ("name", "kind", "address", "minimum_severity", "waiting", "last_error", "created_ms")


@command(app, "list")
def list_receivers(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List who is told."""
    return Answer(client.list(api("receivers"), limit=None if every else limit), COLUMNS)


@command(app, "add")
def add_receiver(  # noqa: PLR0913  (one of the three kinds, and from which severity on)
    client: FleetClient,
    name: ReceiverName,
    *,
    webhook: Annotated[str | None, typer.Option(help="Address that notices are posted to.")] = None,
    mail: Annotated[str | None, typer.Option(help="E-mail address.")] = None,
    mqtt: Annotated[bool, typer.Option("--mqtt", help="The operators' MQTT topic.")] = False,
    minimum: Annotated[str, typer.Option(help="From this severity on: information, warning, critical.")] = (
        "information"
    ),
) -> Answer:
    """Add one; the secret that signs a webhook's deliveries alone goes to standard output, this once."""
    given = {"webhook": webhook, "mail": mail, "mqtt": "" if mqtt else None}
    chosen = [(kind, address) for kind, address in given.items() if address is not None]
    if len(chosen) != 1:
        raise UsageError("give exactly one of --webhook, --mail and --mqtt")
    kind, address = chosen[0]
    body = {"name": name, "kind": kind, "address": address, "minimum_severity": minimum}
    answer = client.post(api("receivers"), body)
    if kind == "webhook":
        return Answer(answer, line=answer["secret"], note="keep the secret now: it is not shown again")
    return Answer(answer, line=f"{name} is told")


@command(app, "remove")
def remove_receiver(client: FleetClient, name: ReceiverName) -> Answer:
    """Remove one, and what waits to be sent to it."""
    return Answer(client.delete(api("receivers", name)), line=f"{name} is removed")
