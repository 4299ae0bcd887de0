"""A notice: one piece of news, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from device_contract.canonical import canonical_json
from fleet_server.alerts.language import Severity

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What receivers are told."""

    event: str
    """Noun and verb, such as ``incident.opened``."""
    severity: Severity
    subject: str
    """One line."""
    text: str
    """For people who read it as e-mail."""
    body: Mapping[str, Any]
    """For programs; JSON."""
    html: str = ""
    """A page that goes with an e-mail; empty: none."""


class Letter(msgspec.Struct, frozen=True):
    """A notice as it waits to be sent by e-mail."""

    subject: str
    text: str
    html: str


def program_body(notice: Notice, delivery_id: str) -> bytes:
    """Return what a webhook or an MQTT client gets: JSON, versioned."""
    head = {"schema_version": SCHEMA_VERSION, "delivery_id": delivery_id, "event": notice.event}
    return canonical_json({**head, **notice.body})


def letter_body(notice: Notice) -> bytes:
    """Return what is needed to write an e-mail."""
    return msgspec.json.encode(Letter(notice.subject, notice.text, notice.html))
