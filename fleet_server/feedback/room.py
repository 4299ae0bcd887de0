"""The room as a whole: its parts, built once, and its routes."""

from collections.abc import Collection, Mapping

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from fleet_server.audit.service import AuditService
from fleet_server.auth import AuthService
from fleet_server.bulk import plain_rows
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.devices.tables import DeviceRow
from fleet_server.feedback import limit_routes, performance_routes, routes
from fleet_server.feedback.ledger import Ledger
from fleet_server.feedback.limits import MetricLimits
from fleet_server.feedback.parameters import Existing
from fleet_server.feedback.queries import PerformanceService
from fleet_server.feedback.retention import FeedbackRetention
from fleet_server.feedback.service import FeedbackService
from fleet_server.feedback.targets import Targets
from fleet_server.feedback.uploading import Uploads
from fleet_server.telemetry.service import TelemetryService
from fleet_server.telemetry.tables import TelemetryTotalsRow


class FeedbackRoom:
    """Labels, performance and limits of custom metrics.

    Args:
        database: Where all of it is kept.
        telemetry: The stored reports.
        bundles: The published versions.
        devices: The devices and their labels.
        audit: Is told of every change of a limit, and of labels that people send.
        clock: Gives the present.
        registry: Where the counters are registered.
        keep_days: How long windows and labels stay.
    """

    def __init__(  # noqa: PLR0913  (what it stands on)
        self,
        database: Database,
        *,
        telemetry: TelemetryService,
        bundles: BundleService,
        devices: DeviceService,
        audit: AuditService,
        clock: Clock,
        registry: CollectorRegistry,
        keep_days: int,
    ) -> None:
        self._database, self._bundles, self._devices = database, bundles, devices
        self.targets = Targets(bundles)
        self.service = FeedbackService(database, telemetry, self.targets, clock, registry=registry)
        self.retention = FeedbackRetention(database, self.service, clock, keep_days=keep_days)
        self.ledger = Ledger(database)
        self.limits = MetricLimits(database, audit)
        self.performance = PerformanceService(database, bundles, self.targets, devices.label_values)
        self._uploads = Uploads(database, self.service, self.targets, self._rows_scored, audit, clock)

    def routers(self, auth: AuthService) -> list[APIRouter]:
        """Build the routes."""
        existing = Existing(self._bundles, self._devices)
        return [
            routes.router(existing, self.targets, self._uploads, self.ledger, auth),
            performance_routes.router(self.performance, self.limits, existing, auth),
            limit_routes.router(self.limits, self._bundles, auth),
        ]

    def _rows_scored(self, device_ids: Collection[str]) -> Mapping[str, int]:
        columns = ("device_id", "rows_scored")
        with self._database.reading() as session:
            told = dict(map(tuple, plain_rows(session, DeviceRow, columns, device_ids)))
            counted = dict(map(tuple, plain_rows(session, TelemetryTotalsRow, columns, device_ids)))
        return {name: max(rows, counted.get(name, 0)) for name, rows in told.items()}  # whichever came last
