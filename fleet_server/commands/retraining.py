"""``leeway-fleet retraining``: requests to train a model anew."""

from pathlib import Path
from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.models import ModelName
from fleet_server.commands.output import Answer

app = group("Requests to train a model anew.")

RequestId = Annotated[str, typer.Argument(help="The request's id.")]

COLUMNS = ("request_id", "model", "state", "opened_by", "opened_ms", "version", "reason")
PATH = "retraining-requests"


@command(app, "list")
def list_requests(
    client: FleetClient,
    *,
    model: Annotated[str | None, typer.Option(help="Only those of this model.")] = None,
    state: Annotated[str | None, typer.Option(help="open, accepted, answered or withdrawn.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List requests, the newest first."""
    return Answer(client.list(api(PATH), limit=None if every else limit, model=model, state=state), COLUMNS)


@command(app, "show")
def show_request(client: FleetClient, request_id: RequestId) -> Answer:
    """Show a request with its evidence."""
    body = client.get(api(PATH, request_id))
    evidence = body["evidence"]
    plain = {name: value for name, value in body.items() if name != "evidence"}
    return Answer(body, record={**plain, **evidence})


@command(app, "open")
def open_request(client: FleetClient, model: ModelName, *, reason: Annotated[str, typer.Option(help="Why.")]) -> Answer:
    """Ask for a model to be trained anew."""
    body = client.post(api(PATH), {"model": model, "reason": reason})
    return Answer(body, line=body["request_id"])


@command(app, "rows")
def download_rows(
    client: FleetClient, request_id: RequestId, *, out: Annotated[Path, typer.Option(help="Parquet file to write.")]
) -> Answer:
    """Write the model's sampled rows, with their labels where those are known, as Parquet."""
    size_bytes = client.download(api(PATH, request_id, "rows"), out)
    return Answer({"file": str(out), "bytes": size_bytes}, line=f"{out}: {size_bytes} bytes")


@command(app, "accept")
def accept_request(client: FleetClient, request_id: RequestId) -> Answer:
    """Say that the model is being trained."""
    return Answer(client.post(api(PATH, request_id, "accept")), line=f"{request_id} is accepted")


@command(app, "answer")
def answer_request(
    client: FleetClient, request_id: RequestId, version: Annotated[str, typer.Argument(help="The version.")]
) -> Answer:
    """Say which version answers it."""
    body = client.post(api(PATH, request_id, "answer"), {"version": version})
    return Answer(body, line=f"{request_id} is answered by {version}")


@command(app, "withdraw")
def withdraw_request(client: FleetClient, request_id: RequestId) -> Answer:
    """Say that the model stays as it is."""
    return Answer(client.post(api(PATH, request_id, "withdraw")), line=f"{request_id} is withdrawn")
