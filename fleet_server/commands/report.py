"""``leeway-fleet report``: the fleet or a model summed up, and who gets that by e-mail."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.models import ModelName
from fleet_server.commands.output import Answer

app = group("Summaries of the fleet or of a model.")

Days = Annotated[int, typer.Option(help="About so many days until now.")]
Html = Annotated[Path | None, typer.Option(help="Write it as a page into this file.")]

COLUMNS = ("subscription_id", "receiver", "model", "every", "hour", "last_ms")
SUBSCRIPTIONS = "summary-subscriptions"


@command(app, "fleet")
def report_fleet(client: FleetClient, *, days: Days = 7, html: Html = None) -> Answer:
    """Sum the fleet up."""
    return _report(client, (), days, html)


@command(app, "model")
def report_model(client: FleetClient, model: ModelName, *, days: Days = 7, html: Html = None) -> Answer:
    """Sum a model up."""
    return _report(client, ("models", model), days, html)


@command(app, "subscriptions")
def list_subscriptions(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List who gets summaries."""
    return Answer(client.list(api(SUBSCRIPTIONS), limit=None if every else limit), COLUMNS)


@command(app, "subscribe")
def subscribe(
    client: FleetClient,
    receiver: Annotated[str, typer.Argument(help="A receiver of e-mail, by its name.")],
    *,
    every: Annotated[str, typer.Option(help="day, or week: on Mondays.")],
    hour: Annotated[int, typer.Option(help="Of the day, UTC.")] = 6,
    model: Annotated[str | None, typer.Option(help="Of this model; without it, of the fleet.")] = None,
) -> Answer:
    """Send a summary by e-mail, each day or week."""
    body = client.post(api(SUBSCRIPTIONS), {"receiver": receiver, "every": every, "hour": hour, "model": model})
    return Answer(body, line=body["subscription_id"])


@command(app, "unsubscribe")
def unsubscribe(
    client: FleetClient, subscription_id: Annotated[str, typer.Argument(help="The subscription's id.")]
) -> Answer:
    """Send it no more."""
    return Answer(client.delete(api(SUBSCRIPTIONS, subscription_id)), line=f"{subscription_id} has ended")


def _report(client: FleetClient, about: tuple[str, ...], days: int, html: Path | None) -> Answer:
    if html is not None:
        size_bytes = client.download(api(*about, "summary.html"), html, days=days)
        return Answer({"file": str(html), "bytes": size_bytes}, line=f"{html}: {size_bytes} bytes")
    body = client.get(api(*about, "summary"), days=days)
    return Answer(body, record=_record(body))


def _record(body: dict[str, Any]) -> dict[str, Any]:
    devices: dict[str, Any] = body["devices"]
    return {**devices, **{name: value for name, value in body.items() if name != "devices"}}
