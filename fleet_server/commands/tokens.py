"""``leeway-fleet tokens``: who may use the API, as what, until when."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("API tokens and their roles.")

COLUMNS = ("token_id", "name", "role", "created_ms", "expires_ms")


@command(app, "list")
def list_tokens(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List tokens; their secrets are stored nowhere."""
    return Answer(client.list(api("tokens"), limit=None if every else limit), COLUMNS)


@command(app, "create")
def create_token(
    client: FleetClient,
    name: Annotated[str, typer.Argument(help="Who holds it; the actor in the audit log.")],
    role: Annotated[str, typer.Option(help="viewer, ml_engineer, operator, approver, release_ci or admin.")],
    valid_s: Annotated[int | None, typer.Option(min=1, help="Seconds that it is valid; the server's default.")] = None,
) -> Answer:
    """Make a token; it alone goes to standard output, this once."""
    body = {"name": name, "role": role} | ({} if valid_s is None else {"valid_s": valid_s})
    answer = client.post(api("tokens"), body)
    return Answer(answer, line=answer["token"], note="keep it now: it is not shown again")


@command(app, "delete")
def delete_token(client: FleetClient, token_id: Annotated[str, typer.Argument(help="The token's id.")]) -> Answer:
    """End a token's validity at once."""
    return Answer(client.delete(api("tokens", token_id)), line=f"{token_id} is deleted")
