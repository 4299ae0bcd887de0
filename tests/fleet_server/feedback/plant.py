"""A plant whose devices report windows and labels to a real server: a classifier and a regression."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from device_contract.baseline import Baseline, encode_baseline
from device_contract.canonical import canonical_json
from device_contract.codec import decode
from device_contract.feedback import Feedback, LabelledRow
from device_contract.manifest import Feature, Label, Output
from device_contract.messages import Ack
from device_contract.samples import Sample, SampledRow
from device_contract.score_reference import ScoreReference
from device_contract.sketches import RowSummarizer, encode_summary
from device_contract.sketches.metrics import MetricSketch, merge_metric
from fleet_server.app import FleetServer
from fleet_server.broker.ingest import Inbound
from fleet_server.bundles.tables import BaselineRow, BundleRow, ModelRow
from fleet_server.devices.tables import DeviceLabelRow, DeviceRow
from tests.support.bundles import make_files, make_manifest, make_stream
from tests.support.messages import BOOT_ID, make_report

HOUR_MS = 3_600_000
START_MS = 1_699_999_200_000
"""Start of the first window; within the past of the tests' clock."""
SCORE = ScoreReference(
    kind="probability",
    edges=(0.25, 0.5, 0.75),
    counts=(100, 100, 100, 100),
    labelled=(100, 100, 100, 100),
    positive=(10, 40, 60, 90),
    score_sums=(12.0, 38.0, 62.0, 88.0),
)
Json = dict[str, Any]


class Plant:
    """Two models with one version each, and the devices that run them."""

    def __init__(self, server: FleetServer) -> None:
        self.server = server
        self.database = server.rooms.database
        self.room = server.rooms.feedback
        self._sequence = 0
        features = make_stream("wind")
        self.baselines = {
            "failure": Baseline(
                streams=(features, *(make_stream(name, "output") for name in ("no", "yes"))), score=SCORE
            ),
            "power": Baseline(streams=(features, make_stream("power", "output", mean=40.0))),
        }
        self.publish("failure", "1", labels=("no", "yes"))
        self.publish("power", "1")

    def publish(self, model: str, version: str, labels: Sequence[Label] = ()) -> None:
        baseline = self.baselines[model]
        data = encode_baseline(baseline)
        sha256 = hashlib.sha256(data).hexdigest()
        outputs = [Output(name=stream.name, unit="kW") for stream in baseline.streams if stream.role == "output"]
        task = "classification" if labels else "regression"
        files = make_files({"plan": b"plan"}, baseline)
        manifest = make_manifest(
            model, version, files, features=[Feature(name="wind")], outputs=outputs, task=task, labels=tuple(labels)
        )
        with self.database.session() as session:
            session.merge(ModelRow(name=model, public_keys=[], threshold=1, created_ms=0))
            session.merge(BaselineRow(sha256=sha256, data=data))
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
                    manifest=canonical_json(manifest),
                    signature=b"",
                    published_ms=0,
                    published_by="ci",
                )
            )

    def enrol(self, device_id: str, *, rows_scored: int = 1000, **labels: str) -> None:
        with self.database.session() as session:
            device = DeviceRow(
                device_id=device_id, state="active", profile="generic", enrolled_ms=1, certificate_expires_ms=2
            )
            device.rows_scored = rows_scored
            session.add(device)
            session.flush()
            session.add_all(DeviceLabelRow(device_id=device_id, key=key, value=value) for key, value in labels.items())

    def report(  # noqa: PLR0913  (each is a field of the report)
        self,
        device_id: str,
        model: str,
        hour: int,
        *,
        version: str = "1",
        rows: int = 100,
        beyond: int = 0,
        scores: Sequence[int] = (),
        metrics: dict[str, Sequence[float]] | None = None,
    ) -> None:
        """Report one hour; its values lie within the reference but for ``beyond``."""
        baseline = self.baselines[model]
        summarizer = RowSummarizer(baseline)
        outputs = np.full(len(baseline.streams) - 1, 0.5)
        for row in range(rows):
            summarizer.update(np.full(1, 9.0 if row < beyond else 0.5, np.float32), outputs)
        counted = summarizer.take()
        named = {name: sketch(values) for name, values in (metrics or {}).items()}
        summary = replace(counted, score_counts=tuple(scores) or counted.score_counts, metrics=named)
        self._sequence += 1
        message = make_report(
            device_id,
            sequence=self._sequence,
            model=model,
            version=version,
            bundle_sha256=bundle_of(model, version),
            baseline_sha256=hashlib.sha256(encode_baseline(baseline)).hexdigest(),
            window_start_ms=at(hour),
            window_end_ms=at(hour + 1),
            rows=rows,
            summary=encode_summary(summary, baseline),
        )
        with self.database.session() as session:
            self.server.rooms.telemetry.ingest_reports(session, [Inbound(device_id, message)])
        self.take()

    def sample(self, device_id: str, hour: int, *rows: SampledRow) -> None:
        """Send rows of the classifier's window, as a device does that may."""
        self._sequence += 1
        message = Sample(
            device_id=device_id,
            boot_id=BOOT_ID,
            sequence=self._sequence,
            slot="champion",
            model="failure",
            version="1",
            bundle_sha256=bundle_of("failure", "1"),
            window_start_ms=at(hour),
            window_end_ms=at(hour + 1),
            rows_seen=100,
            redacted=(),
            rows=rows,
        )
        with self.database.session() as session:
            self.server._ingest_samples(session, [Inbound(device_id, message)])

    def take(self) -> None:
        while self.room.service.take_windows():
            pass

    def send(self, device_id: str, model: str, labels: Iterable[LabelledRow], *, version: str = "1") -> list[Ack]:
        """Send labels as a device does, and return the acknowledgements."""
        self._sequence += 1
        message = Feedback(
            device_id=device_id,
            boot_id=BOOT_ID,
            sequence=self._sequence,
            model=model,
            version=version,
            labels=tuple(labels),
        )
        with self.database.session() as session:
            answers = self.room.service.ingest_feedback(session, [Inbound(device_id, message)])
        return [decode(answer.payload, Ack) for answer in answers]


def bundle_of(model: str, version: str) -> str:
    return hashlib.sha256(f"{model} {version}".encode()).hexdigest()


def at(hour: float) -> int:
    return START_MS + int(hour * HOUR_MS)


def sketch(values: Sequence[float]) -> MetricSketch:
    merged = MetricSketch()
    for value in values:
        single = MetricSketch(count=1, sum=value, sum_squares=value * value, minimum=value, maximum=value)
        merged = merge_metric(merged, single)
    return merged


def labelled(
    row: int | None, label: float | str, outputs: Sequence[float] = (), *, hour: float | None = 0.5, weight: float = 1.0
) -> LabelledRow:
    time_ms = None if hour is None else at(hour)
    return LabelledRow(row=row, time_ms=time_ms, outputs=array("d", outputs).tobytes(), label=label, weight=weight)


def sampled(row: int, probability: float, hour: float = 0.5) -> SampledRow:
    """Return a row of the classifier as its device sampled it."""
    outputs = array("d", yes(probability)).tobytes()
    return SampledRow(row=row, time_ms=at(hour), values=array("f", [0.5]).tobytes(), outputs=outputs)


def yes(probability: float) -> tuple[float, float]:
    """Return the outputs of the classifier."""
    return 1.0 - probability, probability


def figures(http: Any, model: str, **query: Any) -> Json:
    """Return the only group of a model's performance."""
    (group,) = http.get(f"/api/v1/models/{model}/performance", params=query).json()["items"]
    return dict(group)
