"""``leeway-fleet rules``: when an alert opens, and for whom."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.errors import UsageError
from fleet_server.commands.output import Answer

app = group("Alert rules, written in TOML or JSON.")

RuleName = Annotated[str, typer.Argument(help="The rule's name.")]

COLUMNS = ("name", "origin", "rule.signal", "rule.above", "rule.below", "rule.equals", "rule.severity", "rule.enabled")
SIGNAL_COLUMNS = ("name", "meaning")


@command(app, "list")
def list_rules(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List the rules: the default ones, changed ones, and your own."""
    return Answer(client.list(api("alert-rules"), limit=None if every else limit), COLUMNS)


@command(app, "show")
def show_rule(client: FleetClient, name: RuleName) -> Answer:
    """Show a rule."""
    body = client.get(api("alert-rules", name))
    return Answer(body, record={"origin": body["origin"], **body["rule"]})


@command(app, "signals")
def list_signals(client: FleetClient) -> Answer:
    """List what rules can watch."""
    return Answer(client.get(api("alert-signals")), SIGNAL_COLUMNS)


@command(app, "apply")
def apply_rules(
    client: FleetClient, file: Annotated[Path, typer.Argument(help="TOML, or JSON by its name's end, with `rules`.")]
) -> Answer:
    """Take the rules of a file in, all or none; one of the same name is replaced."""
    body = client.post(api("alert-rules"), _read(file))
    return Answer(body, line="\n".join(f"{item['name']} is in force" for item in body["items"]))


@command(app, "remove")
def remove_rule(client: FleetClient, name: RuleName) -> Answer:
    """Remove a rule of your own; a default one of that name is back."""
    return Answer(client.delete(api("alert-rules", name)), line=f"{name} is removed")


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read the rules in {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the rules in {file}: {error}") from error
    if not isinstance(document, dict) or "rules" not in document:
        raise UsageError(f"cannot read the rules in {file}: it has no `rules`; in TOML each begins with [[rules]]")
    return document
