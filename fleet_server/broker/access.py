"""Who may write and read which MQTT topic: the rules that every broker enforces.

The embedded broker calls these functions; ``fleet_server.broker.mosquitto`` writes
the same rules as an access control list. An identity is the common name of a verified
client certificate.
"""

from device_contract.names import is_device_id
from device_contract.topics import PREFIX, UpKind, up
from fleet_server.trust.certificates import OPERATORS_NAME, SERVER_NAME

MAX_PACKET_BYTES = 98_304 + 1024
"""The largest MQTT packet: a message of ``codec.MAX_MESSAGE_BYTES`` and its header."""

ALERTS_TOPIC = f"{PREFIX}/fleet/alerts"
"""What operators are told; no device's topic has so few levels."""

UP_KINDS: tuple[UpKind, ...] = ("birth", "status", "report", "sample", "feedback")


def is_identity(common_name: str) -> bool:
    """Tell whether the common name is the server's, the operators' or could be a device's."""
    return common_name in {SERVER_NAME, OPERATORS_NAME} or is_device_id(common_name)


def may_publish(identity: str, topic: str) -> bool:
    """Tell whether the holder of the certificate may publish on the topic."""
    if identity == SERVER_NAME:
        return topic.startswith(f"{PREFIX}/")
    if identity == OPERATORS_NAME:
        return False
    return is_device_id(identity) and topic in {up(identity, kind) for kind in UP_KINDS}


def may_subscribe(identity: str, topic_filter: str) -> bool:
    """Tell whether the holder of the certificate may subscribe with the filter."""
    if identity == SERVER_NAME:
        return topic_filter.startswith(f"{PREFIX}/")
    if identity == OPERATORS_NAME:
        return topic_filter == ALERTS_TOPIC
    return is_device_id(identity) and topic_filter.startswith(f"{PREFIX}/{identity}/down/")
