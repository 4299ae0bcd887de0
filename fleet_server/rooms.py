"""The rooms: every service of the server is built here, once, and given what it needs.

To add a room: build its service in ``_build_rooms``; ``fleet_server.app`` lets it be heard, step and answer.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Gauge
from sqlmodel import Session

from fleet_server.alerts.deployment_signals import DeploymentAlert
from fleet_server.alerts.device_signals import DeviceSignals
from fleet_server.alerts.known_names import KnownNames
from fleet_server.alerts.performance_signals import PerformanceSignals
from fleet_server.alerts.retention import AlertRetention, open_alerts, open_incidents
from fleet_server.alerts.room import AlertRoom
from fleet_server.alerts.verdict_signals import VerdictSignals
from fleet_server.alerts.window_signals import WindowSignals
from fleet_server.archive.service import ArchiveService
from fleet_server.archive.verdicts import NAME as VERDICTS_NAME
from fleet_server.archive.windows import NAME as WINDOWS_NAME
from fleet_server.archive.windows import windows_source
from fleet_server.audit.retention import AuditRetention
from fleet_server.audit.service import AuditService
from fleet_server.auth import AuthService
from fleet_server.broker.client import BrokerAddress, BrokerClient
from fleet_server.broker.embedded import EmbeddedBroker
from fleet_server.broker.tls import TlsFiles
from fleet_server.bundles.service import BundleService
from fleet_server.bundles.store import BundleStore
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.drift.archived import verdict_changes
from fleet_server.drift.controller import DriftController
from fleet_server.drift.policies import PolicyService, default_policy
from fleet_server.drift.retention import Retention
from fleet_server.drift.service import DriftService
from fleet_server.feedback.room import FeedbackRoom
from fleet_server.retraining.service import RetrainingService, causes_of_live, live_requests
from fleet_server.retraining.truth import VersionFigures
from fleet_server.rollouts.assignments import Assignments
from fleet_server.rollouts.retention import DeploymentRetention, incidents_of_open, open_deployments
from fleet_server.rollouts.service import RolloutService
from fleet_server.rollouts.spec import RolloutAlert
from fleet_server.sampling.policies import SamplingPolicies
from fleet_server.sampling.service import SampleService
from fleet_server.settings import DataFolder, Settings
from fleet_server.setup import DIRECTOR_KEY, GRANT_SECRET
from fleet_server.summaries.service import SummaryService
from fleet_server.telemetry.history import WindowHistory
from fleet_server.telemetry.service import TelemetryService
from fleet_server.trust.certificates import SERVER_NAME, Certificates
from fleet_server.trust.director import Director
from fleet_server.trust.files import read_ed25519_key, read_file
from fleet_server.trust.grants import DownloadGrants
from fleet_server.trust.repository import Repository


class Rooms:
    """Every room of a server over one database: what there is, before anything runs.

    Args:
        folder: The data folder, set up.
        settings: Its settings.
        clock: Gives the time to every room.

    Raises:
        StartError: Something in the data folder is missing or malformed, or the database is away.
    """

    def __init__(self, folder: DataFolder, settings: Settings, clock: Clock) -> None:
        self.folder = folder
        self.settings = settings
        self.clock = clock
        self.registry = CollectorRegistry()
        self.database = Database(folder.database_url(settings))
        self.database.migrate()
        self._build_trust()
        self._build_rooms()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def _build_trust(self) -> None:
        folder, settings, clock = self.folder, self.settings, self.clock
        self.certificates = Certificates(folder, clock, device_life_s=settings.device_certificate_s)
        self.certificates.renew_server(settings.host, settings.server_certificate_s)
        self.repository = Repository(folder, clock)
        self.director = Director(read_ed25519_key(folder.keys / DIRECTOR_KEY))
        self.grants = DownloadGrants(
            read_file(folder.keys / GRANT_SECRET),
            f"https://{settings.host}:{settings.http_port}",
            clock,
            life_s=settings.download_grant_s,
        )
        left = Gauge("leeway_tuf_expiry_seconds", "Life that metadata has left.", ["role"], registry=self.registry)
        for role in self.repository.expiries_s():
            left.labels(role).set_function(partial(self._seconds_left, role))

    def _seconds_left(self, role: str) -> float:
        return self.repository.expiries_s()[role]

    def _build_rooms(self) -> None:
        database, clock = self.database, self.clock
        self.audit = AuditService(database, clock)
        self.auth = AuthService(database, self.audit, clock)
        self.devices = DeviceService(database, self.certificates, self.audit, clock)
        self.bundles = BundleService(database, BundleStore(self.folder.bundles), self.repository, self.audit, clock)
        self.sampling_policies = SamplingPolicies(database, self.audit, clock)
        self.samples = SampleService(database, self.sampling_policies, self.bundles, clock, registry=self.registry)
        self.telemetry = TelemetryService(database, self.bundles, clock, registry=self.registry)
        self.drift_policies = PolicyService(database, self.audit, clock, default_policy(self.settings))
        self.history = WindowHistory(database, self.telemetry, self.bundles)
        self.archive = ArchiveService(
            database,
            self.folder.archive(self.settings),
            [windows_source(database, self.telemetry), verdict_changes(database)],
            clock,
            registry=self.registry,
        )
        self.drift = DriftService(database, self.devices, self.drift_policies)
        self.drift_controller = DriftController(
            database,
            self.bundles,
            self.devices,
            self.drift_policies,
            clock=clock,
            registry=self.registry,
        )
        self.feedback = FeedbackRoom(
            database,
            telemetry=self.telemetry,
            bundles=self.bundles,
            devices=self.devices,
            audit=self.audit,
            clock=clock,
            registry=self.registry,
            keep_days=self.settings.feedback_days,
        )
        self.alerts = AlertRoom(
            database,
            self.audit,
            clock,
            settings=self.settings,
            sources=[
                VerdictSignals(self.drift),
                DeviceSignals(database, clock),
                PerformanceSignals(database, self.feedback.performance, clock),
                WindowSignals(self.feedback.performance, self.feedback.limits, clock),
            ],
            names=KnownNames(self.bundles, self.devices, self.feedback.limits),
        )
        figures = VersionFigures(self.feedback.performance)
        self.retraining = RetrainingService(database, figures, self.alerts.receivers, self.audit, clock)
        self.summaries = SummaryService(database, figures, self.alerts.receivers, self.audit, clock)
        self._build_retention()
        self._build_broker()
        self.rollouts = RolloutService(
            database,
            self.devices,
            self.bundles,
            assignments=self._assignments(),
            audit=self.audit,
            clock=clock,
            publish=self.client.publish,
            alert=self._tell_of_rollout,
        )

        self.sampling_policies.on_change(self.rollouts.assign_again)
        self.devices.on_labelled(self.rollouts.assign_device_again)

    def _build_retention(self) -> None:
        database, clock, settings = self.database, self.clock, self.settings
        self.retention = Retention(
            database,
            self.telemetry,
            clock,
            keep_days=settings.keep_days,
            reports_read=[
                partial(self.archive.archived_through, WINDOWS_NAME),
                self.feedback.service.taken_through,
            ],
            changes_read=[partial(self.archive.archived_through, VERDICTS_NAME)],
        )
        self.alert_retention = AlertRetention(
            database, clock, keep_days=settings.incident_days, needed=[causes_of_live(), incidents_of_open()]
        )
        self.deployment_retention = DeploymentRetention(database, clock, keep_days=settings.deployment_days)
        open_subjects = [open_incidents(), open_alerts(), live_requests(), open_deployments()]
        self.audit_retention = AuditRetention(database, clock, keep_days=settings.audit_days, needed=open_subjects)

    def _assignments(self) -> Assignments:
        return Assignments(
            self.director,
            self.grants,
            self.clock,
            life_s=self.settings.assignment_s,
            sampling=self.sampling_policies.allowed,
        )

    def _build_broker(self) -> None:
        """Build the embedded broker, if it is wanted, and the client of whichever there is."""
        settings, certificates, keys = self.settings, self.folder.certificates, self.folder.keys
        ca = certificates / "ca.crt"
        self.broker: EmbeddedBroker | None = None
        host = settings.mqtt_host or settings.host
        if settings.broker == "embedded":
            self.broker = EmbeddedBroker(
                settings.listen_address or settings.host,
                settings.mqtt_port,
                tls=TlsFiles(ca, certificates / "server.crt", keys / "server.key"),
                may_connect=self.devices.holds_certificate,
                registry=self.registry,
            )
            self.devices.on_cut(self.broker.disconnect)
        own = TlsFiles(ca, certificates / f"{SERVER_NAME}.crt", keys / f"{SERVER_NAME}.key")
        self.client = BrokerClient(BrokerAddress(host, settings.mqtt_port, own, mqtt5=self.broker is None))

    def _tell_of_rollout(self, session: Session, alert: RolloutAlert) -> None:
        paused = f"paused at wave {alert.wave}: {alert.reason}. {alert.detail}"
        happened = f"is paused no longer: {alert.reason} {alert.detail}." if alert.is_over else paused
        self.alerts.service.raise_alert(
            session,
            DeploymentAlert(
                deployment_id=alert.deployment_id,
                model=alert.model,
                version=alert.version,
                sentence=f"Deployment {alert.deployment_id} {happened}",
                is_over=alert.is_over,
            ),
        )
