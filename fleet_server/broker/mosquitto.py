"""Configuration of a mosquitto broker that keeps the same rules as the embedded one.

``leeway-fleet broker config`` writes both files into a folder; how to run them is in
``docs/guides/operations.md``. The settings are those that were measured to lose nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from device_contract.topics import PREFIX
from fleet_server.broker.access import ALERTS_TOPIC, MAX_PACKET_BYTES, UP_KINDS
from fleet_server.broker.tls import TlsFiles
from fleet_server.trust.certificates import OPERATORS_NAME, SERVER_NAME


@dataclass(frozen=True)
class MosquittoSite:
    """What differs between sites.

    Args:
        folder: Absolute path of the folder that holds the two files and the broker's memory.
        port: TCP port to listen on.
        tls: The broker's certificate and key, and the CA of its clients.
        revocations: Certificate revocation list in PEM, read again on SIGHUP.
        listen_address: Address to listen on; empty for every address.
        user: System user that mosquitto becomes when it is started by root.
    """

    folder: Path
    port: int
    tls: TlsFiles
    revocations: Path
    listen_address: str = ""
    user: str = "mosquitto"


def configuration(site: MosquittoSite) -> str:
    """Return the text of ``mosquitto.conf``."""
    return f"""\
# Made by `leeway-fleet broker config`. The access rules are in {site.folder}/leeway.acl.
user {site.user}
per_listener_settings false
allow_anonymous false
acl_file {site.folder}/leeway.acl

listener {site.port} {site.listen_address}
cafile {site.tls.ca}
certfile {site.tls.certificate}
keyfile {site.tls.key}
crlfile {site.revocations}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
use_username_as_clientid true

# Above a message and its header nothing of ours is that large.
max_packet_size {MAX_PACKET_BYTES}
max_keepalive 120
# Past its limit mosquitto drops in silence, and the default limit is 1000.
max_queued_messages 1000000
max_inflight_messages 1000

persistence true
persistence_location {site.folder}/
autosave_interval 30
"""


def access_list() -> str:
    """Return the text of the access control list.

    A client id is its certificate's common name (``%u``), so a device reaches its own
    topics only; a name with wildcards matches nothing.
    """
    up_rules = "\n".join(f"pattern write {PREFIX}/%u/up/{kind}" for kind in UP_KINDS)
    return f"""\
user {SERVER_NAME}
topic readwrite {PREFIX}/#

user {OPERATORS_NAME}
topic read {ALERTS_TOPIC}
topic deny {PREFIX}/{OPERATORS_NAME}/#

{up_rules}
pattern read {PREFIX}/%u/down/#
"""


def write_configuration(site: MosquittoSite) -> tuple[Path, Path]:
    """Write both files into the site's folder and return their paths."""
    site.folder.mkdir(parents=True, exist_ok=True)
    settings, rules = site.folder / "mosquitto.conf", site.folder / "leeway.acl"
    settings.write_text(configuration(site))
    rules.write_text(access_list())
    return settings, rules
