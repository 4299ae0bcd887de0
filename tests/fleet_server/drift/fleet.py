"""A fleet whose devices report made-up or real windows to real rooms."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from device_contract.baseline import Baseline, encode_baseline
from device_contract.canonical import canonical_json
from device_contract.manifest import Feature, Manifest, Output
from device_contract.sketches import RowSummarizer, encode_summary
from fleet_server.app import FleetServer
from fleet_server.broker.ingest import Inbound
from fleet_server.bundles.tables import BaselineRow, BundleRow, ModelRow
from fleet_server.clock import Clock
from fleet_server.devices.tables import DeviceLabelRow, DeviceRow
from fleet_server.drift.controller import DriftController
from fleet_server.drift.service import DriftService
from fleet_server.drift.tables import DevicePastRow, JudgedWindowRow, VerdictRow
from fleet_server.drift.windows import parts_after
from fleet_server.telemetry.service import TelemetryService
from tests.support.bundles import make_files, make_manifest
from tests.support.messages import make_report

MODEL = "power"
DAY_MS = 86_400_000


class Fleet:
    """Stores bundles and reports as CI and devices would, and has them judged."""

    def __init__(self, server: FleetServer, clock: Clock) -> None:
        self.database = server.rooms.database
        self._bundles = server.rooms.bundles
        self._clock = clock
        self._devices = server.rooms.devices
        self.policies = server.rooms.drift_policies
        self.telemetry = TelemetryService(self.database, self._bundles, clock, registry=CollectorRegistry())
        self.restart()
        self._baselines: dict[str, Baseline] = {}
        self._sequences: dict[str, int] = {}
        self._sent: list[Inbound] = []

    def restart(self) -> None:
        """Forget all that is not in the database."""
        self.drift = DriftService(self.database, self._devices, self.policies)
        self._registry = CollectorRegistry()
        self.controller = DriftController(
            self.database,
            self._bundles,
            self._devices,
            self.policies,
            clock=self._clock,
            registry=self._registry,
        )

    def publish(self, version: str, baseline: Baseline, units: Mapping[str, str], model: str = MODEL) -> None:
        self._baselines[version] = baseline
        data = encode_baseline(baseline)
        with self.database.session() as session:
            if session.get(ModelRow, model) is None:
                session.add(ModelRow(name=model, public_keys=[], threshold=1, created_ms=0))
                session.flush()
            sha256 = hashlib.sha256(data).hexdigest()
            if session.get(BaselineRow, sha256) is None:
                session.add(BaselineRow(sha256=sha256, data=data))
                session.flush()
            session.add(
                BundleRow(
                    sha256=bundle_of(model, version),
                    model=model,
                    version=version,
                    profile=None,
                    target_path=f"{model}/{version}/portable.bundle",
                    size_bytes=1,
                    release_counter=int(version),
                    baseline_sha256=sha256,
                    manifest=canonical_json(_manifest(version, baseline, units)),
                    signature=b"",
                    published_ms=0,
                    published_by="ci",
                )
            )

    def report(  # noqa: PLR0913  (each is a field of the report)
        self,
        device_id: str,
        start_ms: int,
        rows: NDArray[np.float32],
        outputs: NDArray[np.float64],
        *,
        version: str = "1",
        slot: str = "champion",
        length_ms: int = DAY_MS,
        merged_windows: int = 1,
        model: str = MODEL,
    ) -> None:
        baseline = self._baselines[version]
        summarizer = RowSummarizer(baseline)
        for row, output in zip(np.ascontiguousarray(rows), np.ascontiguousarray(outputs), strict=True):
            summarizer.update(row, output)
        self._sequences[device_id] = self._sequences.get(device_id, 0) + 1
        message = make_report(
            device_id,
            sequence=self._sequences[device_id],
            slot="shadow" if slot == "shadow" else "champion",
            model=model,
            version=version,
            bundle_sha256=bundle_of(model, version),
            baseline_sha256=hashlib.sha256(encode_baseline(baseline)).hexdigest(),
            window_start_ms=start_ms,
            window_end_ms=start_ms + length_ms,
            merged_windows=merged_windows,
            rows=len(rows),
            summary=encode_summary(summarizer.take(), baseline),
        )
        self._sent.append(Inbound(device_id, message))

    def deliver(self) -> None:
        """Let what was reported arrive."""
        with self.database.session() as session:
            self.telemetry.ingest_reports(session, self._sent)
        self._sent.clear()

    def judge(self) -> None:
        self.deliver()
        while self.controller.judge_new():
            pass

    def controller_count(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, labels)

    def register(self, device_id: str, **labels: str) -> None:
        """Let the registry know a device, with its labels."""
        row = DeviceRow(device_id=device_id, state="active", profile="any", enrolled_ms=0, certificate_expires_ms=1)
        with self.database.session() as session:
            session.add(row)
            session.flush()
            session.add_all(DeviceLabelRow(device_id=device_id, key=key, value=value) for key, value in labels.items())

    def revoke(self, device_id: str) -> None:
        self._devices.revoke("ann", device_id)

    def take_only(self) -> None:
        """Take reports in as the controller does, and stop before their windows are judged."""
        self.deliver()
        with self.database.reading() as session:
            reports = parts_after(session, 0, 10_000)
        self.controller._take(reports)

    def judged(self, device_id: str) -> list[int]:
        """Return the days of a device that were judged."""
        query = select(JudgedWindowRow.start_ms).where(JudgedWindowRow.device_id == device_id)
        with self.database.reading() as session:
            return sorted(start_ms // DAY_MS for start_ms in session.exec(query))

    def judged_rows(self, device_id: str, day: int) -> int:
        query = select(JudgedWindowRow.rows).where(
            JudgedWindowRow.device_id == device_id, JudgedWindowRow.start_ms == day * DAY_MS
        )
        with self.database.reading() as session:
            return session.exec(query).one()

    def past_windows(self, device_id: str, model: str = MODEL) -> dict[str, int]:
        """Return how many windows the detectors remember of a device, by half."""
        found = {}
        with self.database.reading() as session:
            for row in session.exec(_pasts_of(device_id, model)):
                windows = np.frombuffer(row.data[4:8], "<f4")
                found[row.half] = int(windows[0])
        return found

    def verdict_row(self, device_id: str, kind: str) -> VerdictRow:
        found = self.drift.device(device_id)
        assert found is not None
        return found.verdicts[kind]

    def verdict(self, device_id: str, kind: str) -> str:
        found = self.drift.device(device_id)
        return found.verdicts[kind].verdict if found is not None and kind in found.verdicts else "none"

    def verdicts(self, kind: str) -> dict[str, tuple[str, list[str]]]:
        found = self.drift.devices(limit=100)
        return {
            device.device_id: (device.verdicts[kind].verdict, device.verdicts[kind].features)
            for device in found
            if kind in device.verdicts
        }


def _pasts_of(device_id: str, model: str) -> SelectOfScalar[DevicePastRow]:
    return select(DevicePastRow).where(DevicePastRow.device_id == device_id, DevicePastRow.model == model)


def bundle_of(model: str, version: str) -> str:
    return hashlib.sha256(f"bundle {model} {version}".encode()).hexdigest()


def _manifest(version: str, baseline: Baseline, units: Mapping[str, str]) -> Manifest:
    def named(role: str) -> list[str]:
        return [stream.name for stream in baseline.streams if stream.role == role]

    features = [Feature(name=name, unit=units.get(name, "")) for name in named("feature")]
    outputs = [Output(name=name, unit=units.get(name, "")) for name in named("output")]
    files = make_files({"plan": b"plan"}, baseline)
    return make_manifest(MODEL, version, files, features=features, outputs=outputs)
