"""``leeway-fleet silences``: times in which nobody is told of some alerts."""

import time
from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Labels, Limit, command, group, parse_labels
from fleet_server.commands.output import Answer

app = group("Silences: nobody is told of some alerts, for a time.")

COLUMNS = ("silence_id", "matcher", "until_ms", "reason", "created_by")


@command(app, "list")
def list_silences(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List silences, ended ones too, the newest first."""
    return Answer(client.list(api("silences"), limit=None if every else limit), COLUMNS)


@command(app, "add")
def add_silence(  # noqa: PLR0913  (each narrows down what is meant)
    client: FleetClient,
    *,
    for_s: Annotated[int, typer.Option("--for-s", min=1, help="Seconds from now.")],
    reason: Annotated[str, typer.Option(help="Why, for the others.")] = "",
    rule: Annotated[str | None, typer.Option(help="Alerts of this rule.")] = None,
    kind: Annotated[str | None, typer.Option(help="Alerts of this kind, such as peers.")] = None,
    model: Annotated[str | None, typer.Option(help="Alerts of this model.")] = None,
    device: Annotated[str | None, typer.Option(help="Alerts of this device.")] = None,
    feature: Annotated[str | None, typer.Option(help="Alerts of this feature.")] = None,
    label: Labels = None,
) -> Answer:
    """Tell nobody of the alerts that agree with all that is given."""
    named = {"rule": rule, "kind": kind, "model": model, "device_id": device, "feature": feature}
    matcher = {**named, "labels": parse_labels(label)}
    until_ms = time.time_ns() // 1_000_000 + 1000 * for_s
    body = client.post(api("silences"), {"matcher": matcher, "until_ms": until_ms, "reason": reason})
    return Answer(body, line=body["silence_id"])


@command(app, "end")
def end_silence(client: FleetClient, silence_id: Annotated[str, typer.Argument(help="The silence's id.")]) -> Answer:
    """End a silence now."""
    return Answer(client.delete(api("silences", silence_id)), line=f"{silence_id} has ended")
