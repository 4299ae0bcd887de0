"""What every command has in common: the connection's options, ``--json``, one line for an error.

A command is a function from a client and its own arguments to an ``Answer``::

    @command(app, "show")
    def show(client: FleetClient, device_id: DeviceId) -> Answer:
        return Answer(client.get(f"/api/v1/devices/{device_id}"))
"""

import inspect
import os
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from fleet_server.commands.client import FleetClient
from fleet_server.commands.connection import resolve
from fleet_server.commands.errors import CommandError, UsageError
from fleet_server.commands.output import Answer, show
from fleet_server.times import parse_time

P = ParamSpec("P")

Limit = Annotated[int, typer.Option("--limit", min=1, help="Show this many at most.")]
All = Annotated[bool, typer.Option("--all", help="Show all, however many; overrides --limit.")]
Since = Annotated[
    datetime | None, typer.Option(parser=parse_time, metavar="TIME", help="Windows that start here or later; UTC.")
]
Until = Annotated[
    datetime | None, typer.Option(parser=parse_time, metavar="TIME", help="Windows that start before; UTC.")
]
Labels = Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Label; may be repeated.")]


def _common_options(
    *,
    server: Annotated[str | None, typer.Option(help="Address, https://HOST:PORT; or LEEWAY_SERVER.")] = None,
    token: Annotated[str | None, typer.Option(help="API token; or LEEWAY_TOKEN, which no process list shows.")] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM file of the fleet's CA; or LEEWAY_CA.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of a server on this machine, for all three.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Show the API's JSON.")] = False,
) -> None:
    """Declare the options that every command takes."""


def command(
    app: typer.Typer, name: str
) -> Callable[[Callable[Concatenate[FleetClient, P], Answer]], Callable[..., None]]:
    """Register a function as a command: typer sees its arguments and the common options."""

    def register(function: Callable[Concatenate[FleetClient, P], Answer]) -> Callable[..., None]:
        @wraps(function)
        def run(**arguments: Any) -> None:  # noqa: ANN401  (typer has converted them)
            options = {option: arguments.pop(option) for option in ("server", "token", "ca", "data")}
            as_json = arguments.pop("as_json")
            try:
                with FleetClient(resolve(**options, environment=os.environ)) as client:
                    answer = function(client, **arguments)  # type: ignore[call-arg]  # bound by name from typer
            except CommandError as error:
                typer.echo(f"leeway-fleet: {error}", err=True)
                raise typer.Exit(error.exit_code) from None
            show(answer, as_json=as_json)
            raise typer.Exit(answer.exit_code)

        own = list(inspect.signature(function).parameters.values())[1:]
        common = list(inspect.signature(_common_options).parameters.values())
        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = inspect.Signature([*keyword_only, *common])  # type: ignore[attr-defined]  # read by typer
        app.command(name)(run)
        return run

    return register


def group(help_text: str) -> typer.Typer:
    """Make the group of commands about one noun."""
    return typer.Typer(help=help_text, no_args_is_help=True)


def parse_labels(texts: list[str] | None) -> dict[str, str]:
    """Read ``key=value`` texts.

    Raises:
        UsageError: One has no ``=`` or no key.
    """
    labels: dict[str, str] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{text!r} is no label: write KEY=VALUE")
        labels[key] = value
    return labels
