"""The amqtt plugin that knows a client by its certificate, and nothing else."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from fleet_server.broker.access import may_publish, may_subscribe


def common_name(peer: ssl.SSLObject | None) -> str | None:
    """Return the common name of the verified peer certificate, if there is exactly one."""
    certificate = peer.getpeercert() if peer is not None else None
    if not certificate:
        return None
    subject: Any = certificate.get("subject", ())
    names = [value for relative in subject for key, value in relative if key == "commonName"]
    return names[0] if len(names) == 1 else None


def serial_number(peer: ssl.SSLObject) -> int:
    """Return the serial number of the verified peer certificate."""
    certificate: Any = peer.getpeercert()
    return int(certificate["serialNumber"], 16)


class CertificatePlugin(BaseAuthPlugin, BaseTopicPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Admits a client whose id is its certificate's common name, and filters its topics."""

    @dataclass
    class Config:
        """Settings of the plugin.

        Args:
            is_admitted: Tells whether a common name may connect now with the certificate of
                a serial number. It is called from the broker's event loop and must not
                block for long.
        """

        is_admitted: Any

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._is_admitted: Callable[[str, int], bool] = self.config.is_admitted

    async def authenticate(self, *, session: Session) -> bool:
        """Compare the client's id with its certificate."""
        name = common_name(session.ssl_object)
        if name is None or name != session.client_id:
            return False
        return self._is_admitted(name, serial_number(session.ssl_object))

    async def topic_filtering(self, *, session: Session, topic: str, action: Action) -> bool:
        """Apply the access rules; whom a subscription was granted may also receive."""
        name = common_name(session.ssl_object)
        if name is None:
            return False
        if action == Action.PUBLISH:
            return may_publish(name, topic)
        return may_subscribe(name, topic)
