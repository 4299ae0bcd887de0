"""MQTT topics: ``leeway/v1/{device_id}/{up|down}/{kind}``.

A device writes its own ``up`` topics and reads its own ``down`` topics; the broker
enforces it. ``birth`` and ``status`` are retained, and ``birth`` with
``online = false`` is the last will.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from device_contract.errors import TopicError
from device_contract.names import is_device_id

PREFIX = "leeway/v1"
UpKind = Literal["birth", "status", "report", "sample", "feedback"]
DownKind = Literal["assignment", "ack"]
Direction = Literal["up", "down"]

_KINDS: dict[str, tuple[str, ...]] = {"up": get_args(UpKind), "down": get_args(DownKind)}


@dataclass(frozen=True)
class Topic:
    """A parsed topic."""

    device_id: str
    direction: Direction
    kind: str


def up(device_id: str, kind: UpKind) -> str:
    """Build the topic on which a device publishes messages of a kind."""
    return _build(device_id, "up", kind)


def down(device_id: str, kind: DownKind) -> str:
    """Build the topic on which a device receives messages of a kind."""
    return _build(device_id, "down", kind)


def all_up(kind: UpKind) -> str:
    """Build the filter that matches messages of a kind from every device."""
    return f"{PREFIX}/+/up/{kind}"


def parse(topic: str) -> Topic:
    """Parse a topic.

    Raises:
        TopicError: The topic is not one that ``up`` or ``down`` builds.
    """
    parts = topic.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != PREFIX or not is_device_id(parts[2]):  # noqa: PLR2004  (levels)
        raise TopicError(f"not a Leeway topic: {topic[:120]!r}")
    direction, kind = parts[3], parts[4]
    if kind not in _KINDS.get(direction, ()):
        raise TopicError(f"no such topic: {topic[:120]!r}")
    return Topic(parts[2], "up" if direction == "up" else "down", kind)


def _build(device_id: str, direction: Direction, kind: str) -> str:
    if not is_device_id(device_id):
        raise TopicError(f"not a device id: {device_id[:80]!r}")
    return f"{PREFIX}/{device_id}/{direction}/{kind}"
