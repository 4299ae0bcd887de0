"""Serving: the HTTP port, and everything behind it, until a signal comes."""

import gc
import logging
import os
import signal
import socket

import typer
import uvicorn
from fastapi import FastAPI

from fleet_server.allocator import keep_freed_memory
from fleet_server.app import FleetServer
from fleet_server.clock import Clock
from fleet_server.errors import StartError
from fleet_server.settings import DataFolder, Settings

_BACKLOG = 2048
_SHUTDOWN_S = 3
"""For requests under way. An idle client with an open connection uses all of it: it answers
the end of TLS only when it reads next."""


def serve(folder: DataFolder, settings: Settings, clock: Clock) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    Raises:
        StartError: A port is taken, or the data folder is not sound.
    """
    _log_to_standard_error()
    keep_freed_memory()
    listener = _listen(settings)
    with listener, FleetServer(folder, settings, clock).running() as application:
        gc.freeze()  # what the server is made of stays: no collection needs to look through it again
        typer.echo(f"serving https://{settings.host}:{settings.http_port}/docs")
        _run(application, folder, listener)


def _log_to_standard_error() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "amqtt", "transitions", "httpx", "tuf"):
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
    try:
        config.load()
    except OSError as error:  # an SSLError is one too
        raise StartError(f"cannot use {config.ssl_certfile} and its key: {error.strerror or error}") from error
    # uvicorn raises the signal that stopped it once more when it is done: then it shall do nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])
