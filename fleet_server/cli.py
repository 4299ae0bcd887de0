"""``leeway-fleet``: sets up and runs the server; the operator's commands are in ``fleet_server.commands``."""

import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from fleet_server.app import FleetServer
from fleet_server.audit.service import AuditService
from fleet_server.auth import AuthService
from fleet_server.clock import system_clock
from fleet_server.commands import add_commands
from fleet_server.db import Database
from fleet_server.errors import StartError
from fleet_server.settings import DataFolder, Settings, checked, read_settings
from fleet_server.setup import set_up, write_admin_token

EXIT_START = 1
_DEFAULTS = Settings()
_BACKLOG = 2048
_SHUTDOWN_S = 10

Data = Annotated[Path, typer.Option(help="The server's data folder.")]

app = typer.Typer(
    help="Leeway's fleet server, and the operator's commands.", no_args_is_help=True, pretty_exceptions_enable=False
)


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
    _log_to_standard_error()
    folder = DataFolder(data)
    settings = read_settings(folder)
    listener = _listen(settings)
    with listener, FleetServer(folder, settings, system_clock).running() as application:
        typer.echo(f"serving https://{settings.host}:{settings.http_port}/docs")
        _run(application, folder, listener)


@app.command("admin-token")
def admin_token(data: Data) -> None:
    """Write a new administrator's token into the data folder, when the last has expired."""
    folder = DataFolder(data)
    settings = read_settings(folder)
    database = Database(folder.database_url(settings))
    database.create_tables()
    audit = AuditService(database, system_clock)
    write_admin_token(folder, AuthService(database, audit, system_clock), settings.token_s)
    database.close()
    typer.echo(f"a new administrator's token is in {folder.admin_token}")


def _log_to_standard_error() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("amqtt", "transitions", "httpx", "tuf"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _listen(settings: Settings) -> socket.socket:
    address = (settings.listen_address or settings.host, settings.http_port)
    try:
        return socket.create_server(address, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno or 0)  # `strerror` names the address once more
        raise StartError(
            f"cannot listen on {address[0]}:{address[1]}: {reason}; choose another http_port in fleet.toml"
        ) from error


def _run(application: FastAPI, folder: DataFolder, listener: socket.socket) -> None:
    config = uvicorn.Config(
        application,
        ssl_certfile=folder.certificates / "server.crt",
        ssl_keyfile=folder.keys / "server.key",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    # uvicorn raises the signal that stopped it once more when it is done: then it shall do nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


add_commands(app)


def main() -> None:
    """Run the command line; what stops a start is one line and exit code 1."""
    try:
        app()
    except StartError as error:
        typer.echo(f"leeway-fleet: {error}", err=True)
        sys.exit(EXIT_START)
