"""The server at work: the rooms hear messages, take steps and answer HTTP.

To add a room: build its service in ``fleet_server.rooms``, and name its routes in ``_routers``,
its step in ``_steps``, its message handler in ``_handlers``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Final

from fastapi import APIRouter, FastAPI
from prometheus_client import Counter
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from fleet_server import operations, web
from fleet_server.audit import routes as audit_routes
from fleet_server.auth import Role
from fleet_server.auth import routes as auth_routes
from fleet_server.broker.ingest import Handler, Inbound, Ingest, Outbound
from fleet_server.bundles import catalogue, downloads
from fleet_server.clock import Clock
from fleet_server.comparisons import routes as comparison_routes
from fleet_server.comparisons.service import ComparisonService
from fleet_server.control_loop import ControlLoop, Step
from fleet_server.devices import routes as device_routes
from fleet_server.drift import model_routes as drift_model_routes
from fleet_server.drift import policy_routes, row_routes, sign_off_routes
from fleet_server.drift import routes as drift_routes
from fleet_server.drift.alarmed_rows import AlarmedRowsService
from fleet_server.drift.controller import BATCH_REPORTS
from fleet_server.drift.history import DriftHistory
from fleet_server.feedback.service import BATCH_WINDOWS as TAKEN_WINDOWS
from fleet_server.feedback.uploads import MAX_UPLOAD_BYTES as MAX_LABELS_BYTES
from fleet_server.retraining import routes as retraining_routes
from fleet_server.retraining.rows import TrainingRows
from fleet_server.retraining.truth import RowLabels
from fleet_server.rollouts import routes as rollout_routes
from fleet_server.rooms import Rooms
from fleet_server.sampling import explanation_routes, sample_routes
from fleet_server.sampling import policy_routes as sampling_policy_routes
from fleet_server.sampling.explanations import ExplanationService
from fleet_server.sampling.service import PRUNED_SAMPLES
from fleet_server.settings import DataFolder, Settings
from fleet_server.summaries import routes as summary_routes
from fleet_server.telemetry import model_routes
from fleet_server.telemetry import routes as telemetry_routes

_JUDGED_BATCHES: Final = 20
"""In one round, lest the other rooms wait while a backlog is judged."""
_PRUNED_BATCHES: Final = 100
"""The same while a backlog is pruned."""

TITLE: Final = "Leeway fleet server"


class FleetServer:
    """A whole fleet server but for its HTTP port.

    Args:
        folder: The data folder, set up.
        settings: Its settings.
        clock: Gives the time to every room.

    Raises:
        StartError: Something in the data folder is missing or malformed, or the database is away.
    """

    def __init__(self, folder: DataFolder, settings: Settings, clock: Clock) -> None:
        self.rooms = rooms = Rooms(folder, settings, clock)
        self._ingest = Ingest(
            rooms.database,
            self._handlers(),
            publish=rooms.client.publish,
            is_active=rooms.devices.is_active,
            registry=rooms.registry,
        )
        self._loops = self._build_loops()

    @contextmanager
    def running(self) -> Iterator[FastAPI]:
        """Run everything behind the HTTP routes, and stop it in reverse order.

        Raises:
            StartError: The broker's port is taken.
        """
        rooms = self.rooms
        try:
            if rooms.broker is not None:
                rooms.broker.start()
            self._ingest.start()
            rooms.client.start(self._ingest.offer, rooms.rollouts.publish_all)
            for loop in self._loops:
                loop.start()
            yield self.app
        finally:
            for loop in self._loops:
                loop.stop()
            self._ingest.stop()
            rooms.client.stop()
            if rooms.broker is not None:
                rooms.broker.stop()
            self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.rooms.close()

    def _handlers(self) -> Mapping[str, Handler]:
        rooms = self.rooms
        return {
            "birth": rooms.rollouts.record_births,
            "status": rooms.rollouts.record_statuses,
            "report": rooms.telemetry.ingest_reports,
            "sample": self._ingest_samples,
            "feedback": rooms.feedback.service.ingest_feedback,
        }

    def _ingest_samples(self, session: Session, inbound: list[Inbound]) -> list[Outbound]:
        answers = self.rooms.samples.ingest_samples(session, inbound)
        self.rooms.feedback.service.match_sampled(session, inbound)
        return answers

    def _steps(self) -> Mapping[str, Step]:
        rooms = self.rooms
        return {
            "repository": rooms.repository.renew,
            "rollouts": rooms.rollouts.step,
            "drift": self._judge,
            "retention": rooms.retention.step,
            "labels": rooms.feedback.retention.step,
            "samples": self._prune_samples,
            "incidents": rooms.alert_retention.step,
            "deployments": rooms.deployment_retention.step,
            "audit": rooms.audit_retention.step,
            "feedback": self._take_windows,
            "alerts": rooms.alerts.service.step,
            "retraining": rooms.retraining.step,
            "summaries": rooms.summaries.step,
        }

    def _build_loops(self) -> list[ControlLoop]:
        rooms = self.rooms
        failures = Counter(
            "leeway_control_failures", "Steps of the control loop that failed.", ["step"], registry=rooms.registry
        )
        # A receiver that does not answer holds its loop up for seconds: they have one for themselves.
        delivery = rooms.alerts.delivery(
            rooms.folder, rooms.client.publish, lambda: rooms.client.wait_connected(0), rooms.registry
        )
        deliver = {"deliveries": delivery.deliver}
        archive = {"archive": rooms.archive.archive_due}  # the files of an hour take seconds too
        tick_s = rooms.settings.tick_s
        return [ControlLoop(steps, tick_s=tick_s, failures=failures) for steps in (self._steps(), deliver, archive)]

    def _judge(self) -> None:
        for _ in range(_JUDGED_BATCHES):
            if self.rooms.drift_controller.judge_new() < BATCH_REPORTS:
                return

    def _prune_samples(self) -> None:
        for _ in range(_PRUNED_BATCHES):
            if self.rooms.samples.prune(self.rooms.settings.sample_days) < PRUNED_SAMPLES:
                return

    def _take_windows(self) -> None:
        for _ in range(_JUDGED_BATCHES):
            if self.rooms.feedback.service.take_windows() < TAKEN_WINDOWS:
                return

    def _routers(self) -> list[APIRouter]:
        rooms = self.rooms
        settings, auth = rooms.settings, rooms.auth
        mqtt = device_routes.MqttAddress(host=settings.mqtt_host or settings.host, port=settings.mqtt_port)
        return [
            audit_routes.router(rooms.audit, auth.require(Role.VIEWER)),
            auth_routes.router(auth, token_life_s=settings.token_s),
            device_routes.router(rooms.devices, auth, token_life_s=settings.enrollment_token_s),
            device_routes.device_router(rooms.devices, rooms.repository, mqtt, rooms.certificates.ca_pem),
            catalogue.router(rooms.bundles, auth, live_request=self._live_request),
            downloads.router(rooms.bundles, rooms.repository, rooms.grants, rooms.devices.is_active),
            sampling_policy_routes.router(rooms.sampling_policies, auth),
            sample_routes.router(rooms.samples, rooms.bundles, auth),
            explanation_routes.router(ExplanationService(rooms.samples, rooms.bundles), auth),
            telemetry_routes.router(rooms.telemetry, rooms.devices, auth),
            model_routes.router(rooms.history, rooms.devices, auth),
            comparison_routes.router(ComparisonService(rooms.history), rooms.devices, auth),
            drift_routes.router(rooms.drift, rooms.bundles, rooms.devices, auth),
            row_routes.router(AlarmedRowsService(rooms.drift, rooms.samples, rooms.bundles), rooms.devices, auth),
            drift_model_routes.router(DriftHistory(rooms.database), rooms.history, auth),
            policy_routes.router(rooms.drift_policies, rooms.bundles, auth),
            sign_off_routes.router(rooms.database, rooms.bundles, auth),
            *rooms.feedback.routers(auth),
            *rooms.alerts.routers(auth),
            summary_routes.router(rooms.summaries, auth),
            retraining_routes.router(
                rooms.retraining,
                TrainingRows(rooms.samples, RowLabels(rooms.database, rooms.feedback.targets), rooms.bundles),
                auth,
                rooms.clock,
            ),
            rollout_routes.router(rooms.rollouts, auth),
        ]

    def _live_request(self, model: str) -> catalogue.LiveRequest | None:
        row = self.rooms.retraining.live(model)
        return catalogue.LiveRequest.model_validate(row.model_dump()) if row is not None else None

    def _checks(self) -> Mapping[str, Callable[[], bool]]:
        return {"database": self._is_database_there, "broker": lambda: self.rooms.client.wait_connected(0)}

    def _is_database_there(self) -> bool:
        try:
            self.rooms.database.ping()
        except DBAPIError:
            return False
        return True

    @cached_property
    def app(self) -> FastAPI:
        """The HTTP routes, built when they are first asked for."""
        app = FastAPI(title=TITLE, version="1", docs_url=None, redoc_url=None, openapi_url=None)
        web.install(app)
        uploads_bytes = {"versions": catalogue.MAX_UPLOAD_BYTES, "feedback": MAX_LABELS_BYTES}
        app.add_middleware(web.BodyLimit, uploads=uploads_bytes)
        viewer = self.rooms.auth.require(Role.VIEWER)
        routers = [
            operations.router(app, viewer, registry=self.rooms.registry, checks=self._checks()),
            *self._routers(),
        ]
        for router in routers:
            app.include_router(router)
        return app
