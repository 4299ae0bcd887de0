"""Settings: one file, ``fleet.toml`` in the data folder, read once at start.

Every field is described here and in ``docs/guides/server.md``; a test compares the two.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from fleet_server.errors import StartError

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Host = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,253}\Z")]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=10 * 366 * 86_400)]

DAY_S = 86_400


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's settings."""

    profile: Literal["dev"] = "dev"
    """Trust profile: ``dev`` keeps every key on this machine, with thresholds of one."""
    host: Host = "127.0.0.1"
    """Name or address under which devices and people reach the server; in its certificate."""
    listen_address: str = ""
    """Address to listen at; empty: that of ``host``."""
    http_port: Port = 8443
    """Port of REST and of the device's HTTPS door."""
    broker: Literal["embedded", "external"] = "embedded"
    """``embedded`` runs the broker in this process; ``external`` joins one, such as mosquitto."""
    mqtt_host: str = ""
    """Name or address of the broker; empty: that of ``host``."""
    mqtt_port: Port = 8883
    """Port of the broker, mutual TLS."""
    database_url: str = ""
    """SQLAlchemy address, such as ``postgresql+psycopg://user@host/name``; empty: SQLite in the data folder."""
    server_certificate_s: Seconds = 365 * DAY_S
    """Life of the server's own certificates, which ``serve`` renews at half-life."""
    device_certificate_s: Seconds = 90 * DAY_S
    """Life of a device's certificate."""
    enrollment_token_s: Seconds = DAY_S
    """Life of an enrolment token that names none; thirty days is the most that one may name."""
    token_s: Seconds = 90 * DAY_S
    """Life of an API token that names none."""
    assignment_s: Seconds = DAY_S
    """Life of a signed assignment; it is issued again at half-life."""
    download_grant_s: Seconds = DAY_S
    """Life of the signed address at which a device downloads."""
    drift_false_alarms: Annotated[float, msgspec.Meta(ge=0.01, le=100)] | None = None
    """False drift alarms that are borne, for each 1000 devices a month; None: the detectors' default."""
    drift_group_label: Annotated[str, msgspec.Meta(max_length=63)] = ""
    """Devices with the same value of this label are peers; empty: all are; a model may have its own."""
    sample_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 30
    """Days for which sampled rows stay in the database."""
    keep_days: Annotated[int, msgspec.Meta(ge=2, le=3660)] = 90
    """Days for which reports, judged windows and changes of verdicts are kept in the database."""
    feedback_days: Annotated[int, msgspec.Meta(ge=2, le=3660)] = 365
    """Days for which labels and the windows of performance stay in the database."""
    incident_days: Annotated[int, msgspec.Meta(ge=2, le=3660)] = 365
    """Days for which incidents stay once they are closed, with their alerts, and silences once they have ended."""
    deployment_days: Annotated[int, msgspec.Meta(ge=2, le=3660)] = 365
    """Days for which deployments stay once they have ended and no device holds what they assigned."""
    audit_days: Annotated[int, msgspec.Meta(ge=30, le=3660)] = 1830
    """Days for which the audit log stays, about five years."""
    archive_folder: str = ""
    """Folder of the archive's Parquet files; empty: ``archive/`` in the data folder."""
    archive_backend: str = "duckdb://"
    """What ``leeway-fleet query`` asks, as Ibis writes addresses; DuckDB reads the files themselves."""
    internal_webhooks: bool = False
    """Whether a webhook may be at a private, loopback or link-local address."""
    mail_host: str = ""
    """Mail server that takes e-mail; empty: none is sent."""
    mail_port: Port = 587
    """TCP port of the mail server."""
    mail_security: Literal["starttls", "tls", "none"] = "starttls"
    """``starttls`` encrypts from the first command on, ``tls`` from the first byte on (port 465)."""
    mail_user: str = ""
    """User who logs in there, with the password in ``keys/mail.password``; empty: nobody."""
    mail_from: str = ""
    """Address that e-mail comes from."""
    mail_ca: str = ""
    """PEM file of whom to believe the mail server's certificate; empty: the system's."""
    tick_s: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 1.0
    """Seconds between two rounds of the control loop: rollouts, drift, alerts."""


@dataclass(frozen=True)
class DataFolder:
    """Where the server keeps everything.

    Attributes:
        path: The folder; made by ``leeway-fleet init``.
    """

    path: Path

    @property
    def settings_file(self) -> Path:
        """The settings, ``fleet.toml``."""
        return self.path / "fleet.toml"

    @property
    def certificates(self) -> Path:
        """Certificates and the revocation list, ``ca/``."""
        return self.path / "ca"

    @property
    def keys(self) -> Path:
        """Private keys, ``keys/``, readable by the owner alone."""
        return self.path / "keys"

    @property
    def repository(self) -> Path:
        """TUF metadata and small targets, ``repository/``."""
        return self.path / "repository"

    @property
    def bundles(self) -> Path:
        """Bundles by SHA-256, ``bundles/``."""
        return self.path / "bundles"

    @property
    def admin_token(self) -> Path:
        """The first administrator's token, ``admin.token``."""
        return self.path / "admin.token"

    def archive(self, settings: Settings) -> Path:
        """Return the folder of the archive, ``archive/`` unless the settings name another."""
        return Path(settings.archive_folder) if settings.archive_folder else self.path / "archive"

    @property
    def mail_password(self) -> Path:
        """Password at the mail server, ``keys/mail.password``; the operator puts it there."""
        return self.keys / "mail.password"

    def database_url(self, settings: Settings) -> str:
        """Return the address of the database."""
        return settings.database_url or f"sqlite:///{self.path.resolve() / 'fleet.db'}"


def checked(**fields: str | int) -> Settings:
    """Make settings from what a user typed.

    Raises:
        StartError: A field is not what it may be.
    """
    try:
        return msgspec.convert(fields, type=Settings)
    except msgspec.ValidationError as error:
        raise StartError(f"cannot use these settings: {error}") from error


def read_settings(folder: DataFolder) -> Settings:
    """Read the settings of a data folder.

    Raises:
        StartError: The folder was not set up, or the file is malformed.
    """
    path = folder.settings_file
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise StartError(
            f"cannot read {path}: {error.strerror}; run `leeway-fleet init --data {folder.path}`"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StartError(f"malformed settings {path}: {error}") from error
