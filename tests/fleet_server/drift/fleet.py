"""A fleet whose devices report made-up or real windows to real rooms."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from device_contract.baseline import Baseline, encode_baseline
from device_contract.canonical import canonical_json
from device_contract.manifest import Feature, Manifest, Output
from device_contract.sketches import RowSummarizer, encode_summary
from fleet_server.app import FleetServer
from fleet_server.broker.ingest import Inbound
from fleet_server.bundles.tables import BaselineRow, BundleRow, ModelRow
from fleet_server.clock import Clock
from fleet_server.drift.service import DriftService
from fleet_server.telemetry.service import TelemetryService
from tests.support.bundles import make_files, make_manifest
from tests.support.messages import make_report

MODEL = "power"
DAY_MS = 86_400_000


class Fleet:
    """Stores bundles and reports as CI and devices would, and has them judged."""

    def __init__(self, server: FleetServer, clock: Clock) -> None:
        self.database = server._database
        self._bundles = server._bundles
        self._clock = clock
        self.telemetry = TelemetryService(self.database, self._bundles, clock, registry=CollectorRegistry())
        self.restart()
        self._baselines: dict[str, Baseline] = {}
        self._sequences: dict[str, int] = {}

    def restart(self) -> None:
        """Forget all that is not in the database."""
        self.drift = DriftService(self.database, self.telemetry, self._bundles, self._clock)

    def publish(self, version: str, baseline: Baseline, units: Mapping[str, str]) -> None:
        self._baselines[version] = baseline
        data = encode_baseline(baseline)
        with self.database.session() as session:
            if session.get(ModelRow, MODEL) is None:
                session.add(ModelRow(name=MODEL, public_keys=[], threshold=1, created_ms=0))
                session.flush()
            sha256 = hashlib.sha256(data).hexdigest()
            if session.get(BaselineRow, sha256) is None:
                session.add(BaselineRow(sha256=sha256, data=data))
                session.flush()
            session.add(
                BundleRow(
                    sha256=_bundle_sha256(version),
                    model=MODEL,
                    version=version,
                    profile=None,
                    target_path=f"{MODEL}/{version}/portable.bundle",
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
            model=MODEL,
            version=version,
            bundle_sha256=_bundle_sha256(version),
            baseline_sha256=hashlib.sha256(encode_baseline(baseline)).hexdigest(),
            window_start_ms=start_ms,
            window_end_ms=start_ms + length_ms,
            rows=len(rows),
            summary=encode_summary(summarizer.take(), baseline),
        )
        with self.database.session() as session:
            self.telemetry.ingest_reports(session, [Inbound(device_id, message)])

    def judge(self) -> None:
        while self.drift.judge_new():
            pass

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


def _bundle_sha256(version: str) -> str:
    return hashlib.sha256(f"bundle {version}".encode()).hexdigest()


def _manifest(version: str, baseline: Baseline, units: Mapping[str, str]) -> Manifest:
    def named(role: str) -> list[str]:
        return [stream.name for stream in baseline.streams if stream.role == role]

    features = [Feature(name=name, unit=units.get(name, "")) for name in named("feature")]
    outputs = [Output(name=name, unit=units.get(name, "")) for name in named("output")]
    files = make_files({"plan": b"plan"}, baseline)
    return make_manifest(MODEL, version, files, features=features, outputs=outputs)
