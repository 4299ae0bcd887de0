"""Which server a command talks to, as whom, and whose certificates it believes.

Each of the three is taken from the first that names it: the option, the data folder
of a server on this machine (``--data``), the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleet_server.commands.errors import UsageError
from fleet_server.errors import StartError
from fleet_server.settings import DataFolder, read_settings


@dataclass(frozen=True)
class Connection:
    """How to reach a fleet server."""

    server: str
    """``https://host:port``, without a trailing slash."""
    token: str
    ca: Path | None
    """PEM file of the fleet's CA; None believes the system's."""


def resolve(
    *, server: str | None, token: str | None, ca: Path | None, data: Path | None, environment: Mapping[str, str]
) -> Connection:
    """Find the server, the token and the CA from options, data folder and environment.

    Raises:
        UsageError: Something is missing, unreadable or not an https address.
    """
    local = _read_data_folder(data) if data is not None else None
    address = server or (local.server if local else environment.get("LEEWAY_SERVER"))
    secret = token or (local.token if local else environment.get("LEEWAY_TOKEN"))
    named_ca = environment.get("LEEWAY_CA")
    authority = ca or (local.ca if local else Path(named_ca) if named_ca else None)
    if not address:
        raise UsageError("no server: give --server https://HOST:PORT, LEEWAY_SERVER, or --data DIR of a local server")
    if not secret:
        raise UsageError("no token: give --token, LEEWAY_TOKEN, or --data DIR of a local server")
    return Connection(server=_checked_address(address), token=_checked_token(secret), ca=authority)


def _checked_address(address: str) -> str:
    # A token that has once crossed the network in the clear is no secret any more.
    if not address.startswith("https://") or address == "https://":
        raise UsageError(f"{address!r} is not an https address: give --server https://HOST:PORT")
    return address.rstrip("/")


def _checked_token(token: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError("the token holds characters that no token has: copy it again")
    return token


def _read_data_folder(data: Path) -> Connection:
    folder = DataFolder(data)
    try:
        settings = read_settings(folder)
        token = folder.admin_token.read_text(encoding="utf-8").strip()
    except (StartError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{data} is no readable data folder of a fleet server: {error}") from error
    return Connection(
        server=f"https://{settings.host}:{settings.http_port}", token=token, ca=folder.certificates / "ca.crt"
    )
