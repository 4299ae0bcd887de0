"""The rooms: every service of the server is built here, once, and given what it needs.

To add a room: build its service in ``_build_rooms``; ``fleet_server.app`` lets it be heard, step and answer.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Gauge
from sqlmodel import Session

from fleet_server.alerts.deployment_signals import DeploymentAlert
from fleet_server.alerts.device_signals import DeviceSignals
from fleet_server.alerts.performance_signals import PerformanceSignals
from fleet_server.alerts.room import AlertRoom
from fleet_server.alerts.verdict_signals import VerdictSignals
from fleet_server.alerts.window_signals import WindowSignals
from fleet_server.archive.service import ArchiveService
from fleet_server.archive.verdicts import NAME as VERDICTS_NAME
from fleet_server.archive.windows import NAME as WINDOWS_NAME
from fleet_server.archive.windows import windows_source
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
from fleet_server.retraining.service import RetrainingService
from fleet_server.retraining.truth import VersionFigures
from fleet_server.rollouts.assignments import Assignments
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
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._registry = CollectorRegistry()
        self._database = Database(folder.database_url(settings))
        self._database.migrate()
        self._build_trust()
        self._build_rooms()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _build_trust(self) -> None:
        folder, settings, clock = self._folder, self._settings, self._clock
        self._certificates = Certificates(folder, clock, device_life_s=settings.device_certificate_s)
        self._certificates.renew_server(settings.host, settings.server_certificate_s)
        self._repository = Repository(folder, clock)
        self._director = Director(read_ed25519_key(folder.keys / DIRECTOR_KEY))
        self._grants = DownloadGrants(
            read_file(folder.keys / GRANT_SECRET),
            f"https://{settings.host}:{settings.http_port}",
            clock,
            life_s=settings.download_grant_s,
        )
        left = Gauge("leeway_tuf_expiry_seconds", "Life that metadata has left.", ["role"], registry=self._registry)
        for role in self._repository.expiries_s():
            left.labels(role).set_function(partial(self._seconds_left, role))

    def _seconds_left(self, role: str) -> float:
        return self._repository.expiries_s()[role]

    def _build_rooms(self) -> None:
        database, clock = self._database, self._clock
        self._audit = AuditService(database, clock)
        self._auth = AuthService(database, self._audit, clock)
        self._devices = DeviceService(database, self._certificates, self._audit, clock)
        self._bundles = BundleService(database, BundleStore(self._folder.bundles), self._repository, self._audit, clock)
        self._sampling_policies = SamplingPolicies(database, self._audit, clock)
        self._samples = SampleService(database, self._sampling_policies, self._bundles, clock, registry=self._registry)
        self._telemetry = TelemetryService(database, self._bundles, clock, registry=self._registry)
        self._drift_policies = PolicyService(database, self._audit, clock, default_policy(self._settings))
        self._history = WindowHistory(database, self._telemetry, self._bundles)
        self._archive = ArchiveService(
            database,
            self._folder.archive(self._settings),
            [windows_source(database, self._telemetry), verdict_changes(database)],
            clock,
            registry=self._registry,
        )
        self._drift = DriftService(database, self._devices, self._drift_policies)
        self._drift_controller = DriftController(
            database,
            self._bundles,
            self._devices,
            self._drift_policies,
            clock=clock,
            registry=self._registry,
        )
        self._feedback = FeedbackRoom(
            database,
            telemetry=self._telemetry,
            bundles=self._bundles,
            devices=self._devices,
            audit=self._audit,
            clock=clock,
            registry=self._registry,
            keep_days=self._settings.feedback_days,
        )
        self._alerts = AlertRoom(
            database,
            self._audit,
            clock,
            settings=self._settings,
            sources=[
                VerdictSignals(self._drift),
                DeviceSignals(database, clock),
                PerformanceSignals(database, self._feedback.performance, clock),
                WindowSignals(self._feedback.performance, self._feedback.limits, clock),
            ],
        )
        figures = VersionFigures(self._feedback.performance)
        self._retraining = RetrainingService(database, figures, self._alerts.receivers, self._audit, clock)
        self._summaries = SummaryService(database, figures, self._alerts.receivers, self._audit, clock)
        self._retention = Retention(
            database,
            self._telemetry,
            clock,
            keep_days=self._settings.keep_days,
            reports_read=[
                partial(self._archive.archived_through, WINDOWS_NAME),
                self._feedback.service.taken_through,
            ],
            changes_read=[partial(self._archive.archived_through, VERDICTS_NAME)],
        )
        self._build_broker()
        self._rollouts = RolloutService(
            database,
            self._devices,
            self._bundles,
            assignments=self._assignments(),
            audit=self._audit,
            clock=clock,
            publish=self._client.publish,
            alert=self._tell_of_rollout,
        )

        self._sampling_policies.on_change(self._rollouts.assign_again)
        self._devices.on_labelled(self._rollouts.assign_device_again)

    def _assignments(self) -> Assignments:
        return Assignments(
            self._director,
            self._grants,
            self._clock,
            life_s=self._settings.assignment_s,
            sampling=self._sampling_policies.allowed,
        )

    def _build_broker(self) -> None:
        """Build the embedded broker, if it is wanted, and the client of whichever there is."""
        settings, certificates, keys = self._settings, self._folder.certificates, self._folder.keys
        ca = certificates / "ca.crt"
        self._broker: EmbeddedBroker | None = None
        host = settings.mqtt_host or settings.host
        if settings.broker == "embedded":
            self._broker = EmbeddedBroker(
                settings.listen_address or settings.host,
                settings.mqtt_port,
                tls=TlsFiles(ca, certificates / "server.crt", keys / "server.key"),
                may_connect=self._devices.holds_certificate,
                registry=self._registry,
            )
            self._devices.on_cut(self._broker.disconnect)
        own = TlsFiles(ca, certificates / f"{SERVER_NAME}.crt", keys / f"{SERVER_NAME}.key")
        self._client = BrokerClient(BrokerAddress(host, settings.mqtt_port, own, mqtt5=self._broker is None))

    def _tell_of_rollout(self, session: Session, alert: RolloutAlert) -> None:
        sentence = f"Deployment {alert.deployment_id} paused at wave {alert.wave}: {alert.reason}. {alert.detail}"
        self._alerts.service.raise_alert(
            session,
            DeploymentAlert(
                deployment_id=alert.deployment_id,
                model=alert.model,
                version=alert.version,
                sentence=sentence,
            ),
        )
