"""``leeway-fleet feedback``: labels, as files and as what became of them."""

from pathlib import Path
from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.errors import UsageError
from fleet_server.commands.models import ModelName
from fleet_server.commands.output import Answer

app = group("Labels: send them, see which count, and why others do not.")

COLUMNS = ("device_id", "version", "row", "time_ms", "label", "prediction", "weight", "reason", "corrections")
REFUSAL_COLUMNS = ("device_id", "reason", "labels", "last_ms", "detail", "meaning")
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}
EXIT_REFUSED = 1


@command(app, "send")
def send_labels(
    client: FleetClient, model: ModelName, file: Annotated[Path, typer.Argument(help="A .csv, .json or .parquet file.")]
) -> Answer:
    """Send a file of labels; each row is stored, or refused with its reason."""
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise UsageError(f"{file} is none of {', '.join(MEDIA_TYPES)}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    body = client.upload(api("models", model, "feedback"), content, media_type)
    return Answer(body, exit_code=EXIT_REFUSED if body["refused"] else 0)


@command(app, "list")
def list_labels(  # noqa: PLR0913  (each is an option)
    client: FleetClient,
    model: ModelName,
    *,
    version: Annotated[str | None, typer.Option(help="Of this version only.")] = None,
    device: Annotated[str | None, typer.Option(help="Of this device only.")] = None,
    reason: Annotated[str | None, typer.Option(help="Those that wait for this reason, such as no_window.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List labels as they are known now."""
    page = client.list(
        api("models", model, "feedback"),
        limit=None if every else limit,
        version=version,
        device_id=device,
        reason=reason,
    )
    return Answer(page, COLUMNS)


@command(app, "refusals")
def list_refusals(client: FleetClient, model: ModelName, *, limit: Limit = 50, every: All = False) -> Answer:
    """List why labels of a model were refused, by device and reason."""
    page = client.list(api("models", model, "feedback", "refusals"), limit=None if every else limit)
    return Answer(page, REFUSAL_COLUMNS)
