"""``leeway-fleet``: sets up and runs the server; the operator's commands are in ``fleet_server.commands``.

What only the server needs is imported where it is used: an operator's command starts without it.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from device_contract.version import VERSION
from fleet_server.archive.cli import query
from fleet_server.broker import command as broker_command
from fleet_server.clock import system_clock
from fleet_server.commands import add_commands
from fleet_server.errors import StartError
from fleet_server.settings import DataFolder, Settings, checked, read_settings

_DEFAULTS = Settings()

Data = Annotated[Path, typer.Option(help="The server's data folder.")]

app = typer.Typer(
    help="Leeway's fleet server, and the operator's commands.", no_args_is_help=True, pretty_exceptions_enable=False
)


def _tell_version(asked: bool) -> None:  # noqa: FBT001  (typer calls it with the option's value)
    if asked:
        typer.echo(f"leeway-fleet {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Declare the options that stand before a command."""


@app.command()
def init(  # noqa: PLR0913, PLR0917  (each is a setting of the file that it writes)
    data: Data,
    host: Annotated[str, typer.Option(help="Name or address under which the server is reached.")] = _DEFAULTS.host,
    http_port: Annotated[int, typer.Option(help="Port of REST and of the devices' HTTPS.")] = _DEFAULTS.http_port,
    mqtt_port: Annotated[int, typer.Option(help="Port of the broker.")] = _DEFAULTS.mqtt_port,
    broker: Annotated[str, typer.Option(help="embedded, or external, such as mosquitto.")] = _DEFAULTS.broker,
    mqtt_host: Annotated[str, typer.Option(help="Where the broker is, if not on the host.")] = _DEFAULTS.mqtt_host,
    database_url: Annotated[str, typer.Option(help="PostgreSQL's address; else SQLite.")] = _DEFAULTS.database_url,
) -> None:
    """Make keys, certificates, the repository, the database and an administrator's token."""
    from fleet_server.setup import set_up

    settings = checked(
        host=host,
        http_port=http_port,
        mqtt_port=mqtt_port,
        broker=broker,
        mqtt_host=mqtt_host,
        database_url=database_url,
    )
    folder = DataFolder(data)
    set_up(folder, settings, system_clock)
    typer.echo(f"{data} is set up; the administrator's token is in {folder.admin_token}")
    typer.echo(f"run: leeway-fleet serve --data {data}")


@app.command()
def serve(data: Data) -> None:
    """Run the server until SIGTERM or Ctrl-C."""
    from fleet_server import serving

    folder = DataFolder(data)
    serving.serve(folder, read_settings(folder), system_clock)


@app.command("admin-token")
def admin_token(data: Data) -> None:
    """Write a new administrator's token into the data folder, when the last has expired."""
    from fleet_server.setup import renew_admin_token

    folder = DataFolder(data)
    renew_admin_token(folder, read_settings(folder), system_clock)
    typer.echo(f"a new administrator's token is in {folder.admin_token}")


app.command()(query)
app.add_typer(broker_command.app, name="broker")
add_commands(app)


def main() -> None:
    """Run the command line; what stops a start, or an output that takes no more, is one line and an exit code."""
    try:
        app()
    except StartError as error:
        typer.echo(f"leeway-fleet: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        typer.echo(f"leeway-fleet: {error.filename or 'standard output'}: {error.strerror or error}", err=True)
        sys.exit(StartError.exit_code)
