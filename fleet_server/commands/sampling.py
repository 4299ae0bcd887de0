"""``leeway-fleet sampling``: which devices may send raw rows, and which."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Labels, Limit, command, group, parse_labels
from fleet_server.commands.output import Answer

app = group("Sampling policies: which devices may send raw rows, and which.")

COLUMNS = ("name", "labels", "rows_per_window", "minimum_rows", "redacted", "explain", "changed_ms", "changed_by")

Name = Annotated[str, typer.Argument(help="The policy's name.")]


@command(app, "list")
def list_policies(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List the policies; a device that none fits sends no row."""
    return Answer(client.list(api("sampling-policies"), limit=None if every else limit), COLUMNS)


@command(app, "set")
def set_policy(  # noqa: PLR0913  (each is a part of the policy)
    client: FleetClient,
    name: Name,
    rows_per_window: Annotated[int, typer.Option("--rows", help="Rows of a window at most; 0 forbids.")],
    *,
    labels: Labels = None,
    minimum_rows: Annotated[int, typer.Option(help="A window of fewer rows sends none.")] = 0,
    redact: Annotated[list[str] | None, typer.Option(help="Feature that stays on the device; may be repeated.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Send what each feature contributed.")] = False,
) -> Answer:
    """Let the devices with these labels send rows, or change what they may send."""
    body = {
        "labels": parse_labels(labels),
        "rows_per_window": rows_per_window,
        "minimum_rows": minimum_rows,
        "redacted": redact or [],
        "explain": explain,
    }
    unheard = _unknown_features(client, redact) if redact else []
    note = f"no model has the feature {', '.join(unheard)}: is it written right?" if unheard else ""
    return Answer(client.put(api("sampling-policies", name), body), note=note)


@command(app, "remove")
def remove_policy(client: FleetClient, name: Name) -> Answer:
    """End a policy."""
    return Answer(client.delete(api("sampling-policies", name)), line=f"{name} is removed")


@command(app, "explain")
def explain_row(
    client: FleetClient,
    device_id: Annotated[str, typer.Argument(help="The device's id.")],
    row: Annotated[int, typer.Argument(help="The row's number.")],
) -> Answer:
    """Tell what each feature of a sampled row added to its score."""
    return Answer(client.get(api("devices", device_id, "samples", str(row), "explanation")))


def _unknown_features(client: FleetClient, names: list[str]) -> list[str]:
    """Return the names that the newest version of no model has: a slip here would let a value leave."""
    known: set[str] = set()
    for model in client.list(api("models"), limit=None)["items"]:
        for version in client.list(api("models", model["name"], "versions"), limit=1)["items"]:
            known.update(version["features"])
    return sorted(set(names) - known)
