"""The room as a whole: its services, built once, and the routes over them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from fleet_server.alerts import routes, rule_routes, silence_routes
from fleet_server.alerts.deployment_signals import SIGNAL as DEPLOYMENT_SIGNAL
from fleet_server.alerts.desk import AlertDesk
from fleet_server.alerts.known_names import KnownNames
from fleet_server.alerts.readings import Source
from fleet_server.alerts.routing import routes as receiver_routes
from fleet_server.alerts.routing.delivery import Channel, Delivery
from fleet_server.alerts.routing.mail import MailChannel, MailServer
from fleet_server.alerts.routing.mqtt import MqttChannel
from fleet_server.alerts.routing.receivers import ReceiverService
from fleet_server.alerts.routing.webhook import WebhookChannel
from fleet_server.alerts.ruleset import Ruleset
from fleet_server.alerts.service import AlertService
from fleet_server.alerts.silences import SilenceService
from fleet_server.audit.service import AuditService
from fleet_server.auth import AuthService
from fleet_server.broker.ingest import Outbound
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.settings import DataFolder, Settings


class AlertRoom:
    """Everything about alerts.

    Args:
        database: Where it is kept.
        audit: Is told of what people change.
        clock: Gives the present.
        settings: Whom webhooks may reach, and the mail server.
        sources: Who knows the signals.
        names: Know what rules and silences can be about.
    """

    def __init__(  # noqa: PLR0913  (each is another room)
        self,
        database: Database,
        audit: AuditService,
        clock: Clock,
        *,
        settings: Settings,
        sources: Sequence[Source],
        names: KnownNames,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        signals = [signal for source in sources for signal in source.signals]
        self.receivers = ReceiverService(
            database,
            audit,
            clock,
            internal_webhooks=settings.internal_webhooks,
            has_mail=bool(settings.mail_host and settings.mail_from),
        )
        self.rules = Ruleset(
            database,
            audit,
            clock,
            signals=[*signals, DEPLOYMENT_SIGNAL],
            names=names,
            receivers=self.receivers,
        )
        self.service = AlertService(database, sources, self.receivers, clock)
        self.desk = AlertDesk(database, audit, clock)
        self.silences = SilenceService(database, audit, clock, names=names, rules=self.rules)

    def routers(self, auth: AuthService) -> Sequence[APIRouter]:
        """Build the routes."""
        return (
            routes.router(self.desk, auth),
            rule_routes.router(self.rules, auth),
            silence_routes.router(self.silences, auth),
            receiver_routes.router(self.receivers, auth),
        )

    def delivery(
        self,
        folder: DataFolder,
        publish: Callable[[Outbound], None],
        is_connected: Callable[[], bool],
        registry: CollectorRegistry,
    ) -> Delivery:
        """Build what sends notices.

        Args:
            folder: Where the mail server's password is.
            publish: Publishes a message over MQTT.
            is_connected: Tells whether the broker is there.
            registry: Where its counter is registered.
        """
        channels: Mapping[str, Channel] = {
            "webhook": WebhookChannel(allow_internal=self._settings.internal_webhooks),
            "mail": MailChannel(_mail_server(self._settings, folder)),
            "mqtt": MqttChannel(publish, is_connected),
        }
        return Delivery(self._database, self._clock, channels, registry=registry)


def _mail_server(settings: Settings, folder: DataFolder) -> MailServer:
    return MailServer(
        host=settings.mail_host,
        port=settings.mail_port,
        security=settings.mail_security,
        sender=settings.mail_from,
        user=settings.mail_user,
        password_file=folder.mail_password,
        ca=Path(settings.mail_ca) if settings.mail_ca else None,
    )
