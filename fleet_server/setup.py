"""Setting up a data folder: keys, certificates, repository, database, the first token.

Each step is left alone when it is done already, and ``fleet.toml`` comes last: a setup
that was interrupted is finished by running it again.
"""

import secrets

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fleet_server.audit.service import AuditService
from fleet_server.auth import AuthService, Role
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.errors import StartError
from fleet_server.settings import DataFolder, Settings
from fleet_server.trust.certificates import Certificates, create_authority
from fleet_server.trust.director import Director
from fleet_server.trust.files import PRIVATE_MODE, read_ed25519_key, write_file, write_key
from fleet_server.trust.repository import create_repository

_PRIVATE_FOLDER_MODE = 0o700
DIRECTOR_KEY = "director.key"
GRANT_SECRET = "grants.secret"  # noqa: S105  (a file's name)


def set_up(folder: DataFolder, settings: Settings, clock: Clock) -> None:
    """Make everything that the server needs in its data folder.

    Raises:
        StartError: The folder was set up before, or cannot be written.
    """
    if folder.settings_file.exists():
        raise StartError(f"{folder.path} is set up already; nothing was changed")
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.keys.mkdir(mode=_PRIVATE_FOLDER_MODE, exist_ok=True)
        _set_up_trust(folder, settings, clock)
        _set_up_database(folder, settings, clock)
        write_file(folder.settings_file, _toml(settings))
    except OSError as error:
        raise StartError(f"cannot set up {folder.path}: {error.strerror}") from error


def renew_admin_token(folder: DataFolder, settings: Settings, clock: Clock) -> None:
    """Write a new administrator's token, when the last has expired."""
    database = Database(folder.database_url(settings))
    try:
        database.migrate()
        write_admin_token(folder, AuthService(database, AuditService(database, clock), clock), settings.token_s)
    finally:
        database.close()


def write_admin_token(folder: DataFolder, auth: AuthService, life_s: int) -> None:
    """Make an administrator's token and write it to ``admin.token``."""
    _row, secret = auth.create("server", "admin", Role.ADMIN, life_s)
    write_file(folder.admin_token, f"{secret}\n".encode(), mode=PRIVATE_MODE)


def _set_up_trust(folder: DataFolder, settings: Settings, clock: Clock) -> None:
    if not (folder.certificates / "ca.crt").exists():
        create_authority(folder, clock)
    certificates = Certificates(folder, clock, device_life_s=settings.device_certificate_s)
    certificates.renew_server(settings.host, settings.server_certificate_s)
    if not (folder.certificates / "crl.pem").exists():
        certificates.write_revocation_list([])
    if not (folder.keys / DIRECTOR_KEY).exists():
        write_key(folder.keys / DIRECTOR_KEY, Ed25519PrivateKey.generate())
    if not (folder.keys / GRANT_SECRET).exists():
        write_file(folder.keys / GRANT_SECRET, secrets.token_bytes(32), mode=PRIVATE_MODE)
    if not (folder.repository / "metadata" / "timestamp.json").exists():
        director = Director(read_ed25519_key(folder.keys / DIRECTOR_KEY))
        create_repository(folder, clock, director.keys())


def _set_up_database(folder: DataFolder, settings: Settings, clock: Clock) -> None:
    database = Database(folder.database_url(settings))
    try:
        database.migrate()
        if not folder.admin_token.exists():
            auth = AuthService(database, AuditService(database, clock), clock)
            write_admin_token(folder, auth, settings.token_s)
    finally:
        database.close()


def _toml(settings: Settings) -> bytes:
    # JSON's strings and numbers are TOML's too; what is None stays out
    lines = [
        f"{name} = {msgspec.json.encode(value).decode()}\n"
        for name, value in msgspec.structs.asdict(settings).items()
        if value is not None
    ]
    return ("# Settings of the fleet server, described in docs/guides/server.md\n" + "".join(lines)).encode()
