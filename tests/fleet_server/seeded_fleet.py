"""A small fleet with a past, written into a server's database as its devices would have filled it.

Four turbines score the model ``power``, an hour a window, on wind and temperature. From
half time on, turbine-3's thermometer reads three degrees too much, and turbine-4 runs
version 2, which gives a tenth more power than version 1.
"""

import hashlib
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from compiler.baseline import build_baseline
from device_contract.baseline import Baseline, encode_baseline
from device_contract.canonical import canonical_json
from device_contract.manifest import Feature, Output
from device_contract.messages import Report
from device_contract.sketches import RowSummarizer, encode_summary
from device_contract.sketches.metrics import MetricSketch
from fleet_server.broker.ingest import Inbound
from fleet_server.bundles.tables import BaselineRow, BundleRow, ModelRow
from fleet_server.clock import system_clock
from fleet_server.db import Database
from fleet_server.devices.tables import DeviceLabelRow, DeviceRow
from fleet_server.telemetry.service import TelemetryService
from tests.support.bundles import make_files, make_manifest
from tests.support.messages import make_report

MODEL = "power"
DEVICES = ("turbine-1", "turbine-2", "turbine-3", "turbine-4")
FEATURES = (Feature(name="wind", unit="m/s"), Feature(name="temperature", unit="°C"))
OUTPUTS = (Output(name="power", unit="kW"),)
VERSIONS = ("1", "2")
GAIN = {"1": 1.0, "2": 1.1}
START_MS = 1_767_225_600_000
"""The first of January 2026."""
HOUR_MS = 3_600_000
WINDOWS = 48
ROWS = 60
FAULT_DEGREES = 3.0
RESTARTS = MetricSketch(count=2, sum=3.0, sum_squares=5.0, minimum=1.0, maximum=2.0)
"""What each turbine's controller observed in each window: 1 and 2."""

Rows = NDArray[np.float32]
Scores = NDArray[np.float64]


class SeededBundles:
    """The two versions, as the telemetry asks for them."""

    def __init__(self) -> None:
        generator = np.random.default_rng(1)
        rows = _rows(generator, 5_000)
        self.by_version = {
            version: build_baseline(FEATURES, OUTPUTS, rows, _scores(rows, version)) for version in VERSIONS
        }

    def origin(self, sha256: str) -> tuple[str, str, str] | None:
        return next(((MODEL, version, self.digest(version)) for version in VERSIONS if bundle(version) == sha256), None)

    def baseline(self, sha256: str) -> Baseline | None:
        return next((made for version, made in self.by_version.items() if self.digest(version) == sha256), None)

    def digest(self, version: str) -> str:
        return hashlib.sha256(encode_baseline(self.by_version[version])).hexdigest()


def seed(database_url: str, *, windows: int = WINDOWS) -> None:
    """Fill a database that has its schema."""
    database, bundles = Database(database_url), SeededBundles()
    telemetry = TelemetryService(database, bundles, system_clock, registry=CollectorRegistry())
    with database.session() as session:
        session.add(ModelRow(name=MODEL, public_keys=[], threshold=1, created_ms=START_MS))
        for device_id in DEVICES:
            session.add(_device(device_id))
        session.flush()
        session.add_all(DeviceLabelRow(device_id=device_id, key="site", value="north") for device_id in DEVICES)
        session.add_all(
            BaselineRow(sha256=bundles.digest(v), data=encode_baseline(bundles.by_version[v])) for v in VERSIONS
        )
        session.flush()
        session.add_all(_bundle_row(version, bundles) for version in VERSIONS)
    with database.session() as session:
        telemetry.ingest_reports(session, [Inbound(made.device_id, made) for made in reports(bundles, windows)])
    database.close()


def database_of(data: Path) -> str:
    """Return the address of the SQLite database in a data folder."""
    return f"sqlite:///{data / 'fleet.db'}"


def bundle(version: str) -> str:
    """Return the digest of a version's bundle."""
    return hashlib.sha256(f"bundle {version}".encode()).hexdigest()


def reports(bundles: SeededBundles, windows: int = WINDOWS) -> list[Report]:
    """Make the reports of all devices, window by window."""
    return [
        report(bundles, device_id, window, late=window >= windows // 2)
        for window in range(windows)
        for device_id in DEVICES
    ]


def report(bundles: SeededBundles, device_id: str, window: int, *, late: bool) -> Report:
    """Make the report of a device and a window; the late ones have the broken thermometer and version 2."""
    number = DEVICES.index(device_id)
    rows = _rows(np.random.default_rng([number, window]), ROWS)
    if late and device_id == "turbine-3":
        rows[:, 1] += np.float32(FAULT_DEGREES)
    version = "2" if late and device_id == "turbine-4" else "1"
    summarizer = RowSummarizer(bundles.by_version[version])
    for row, score in zip(rows, _scores(rows, version), strict=True):
        summarizer.update(row, score)
    summary = replace(summarizer.take(), metrics={"restarts": RESTARTS})
    start_ms = START_MS + window * HOUR_MS
    return make_report(
        device_id,
        sequence=window + 1,
        model=MODEL,
        version=version,
        bundle_sha256=bundle(version),
        baseline_sha256=bundles.digest(version),
        window_start_ms=start_ms,
        window_end_ms=start_ms + HOUR_MS,
        rows=ROWS,
        summary=encode_summary(summary, bundles.by_version[version]),
    )


def _rows(generator: np.random.Generator, rows: int) -> Rows:
    wind, temperature = generator.weibull(2.0, rows) * 8.0, generator.normal(10.0, 4.0, rows)
    return np.ascontiguousarray(np.column_stack([wind, temperature]), np.float32)


def _scores(rows: Rows, version: str) -> Scores:
    power = np.clip(rows[:, 0].astype(np.float64) / 12.0, 0.0, 1.0) ** 3 * 2_000.0
    return np.ascontiguousarray(GAIN[version] * power[:, None])


def _device(device_id: str) -> DeviceRow:
    return DeviceRow(
        device_id=device_id,
        state="active",
        profile="generic-x86_64",
        enrolled_ms=START_MS,
        certificate_expires_ms=START_MS + 10**12,
    )


def _bundle_row(version: str, bundles: SeededBundles) -> BundleRow:
    files = make_files({"plan": b"plan"}, bundles.by_version[version])
    manifest = make_manifest(MODEL, version, files, features=FEATURES, outputs=OUTPUTS)
    return BundleRow(
        sha256=bundle(version),
        model=MODEL,
        version=version,
        profile=None,
        target_path=f"{MODEL}/{version}/portable.bundle",
        size_bytes=1,
        release_counter=int(version),
        baseline_sha256=bundles.digest(version),
        manifest=canonical_json(manifest),
        signature=b"",
        published_ms=START_MS,
        published_by="ci",
    )
