"""The operators' MQTT topic: what a webhook would get, for consoles and controllers in the plant.

The topic is ``leeway/v1/fleet/alerts``; only the server writes it, only ``fleet-operators``
reads it (``fleet_server.broker.access``).
"""

from collections.abc import Callable

from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow
from fleet_server.broker.access import ALERTS_TOPIC
from fleet_server.broker.ingest import Outbound


class MqttChannel:
    """Publishes through the server's own connection to its broker.

    Args:
        publish: Publishes a message.
        is_connected: Tells whether the broker is there.
    """

    def __init__(self, publish: Callable[[Outbound], None], is_connected: Callable[[], bool]) -> None:
        self._publish = publish
        self._is_connected = is_connected

    def send(self, _receiver: ReceiverRow, delivery: DeliveryRow) -> str:
        """Publish one delivery; return what went wrong, nothing if the broker is there to take it."""
        if not self._is_connected():
            return "the broker is away"
        self._publish(Outbound(ALERTS_TOPIC, delivery.body))
        return ""
