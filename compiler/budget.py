"""The budget of a firmware profile, held against each artifact and against the reports.

The size is exact. Resident memory is estimated from the artifact's size and the agent's own
footprint; the time of one row is measured, but only on the profile's own kind
of processor. Neither of the two enters the bundle, whose bytes must not depend on the
machine's mood.
"""

import platform
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.backends.artifact import EmittedArtifact
from compiler.errors import BudgetError
from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.manifest import ArtifactKind
from device_contract.plan.scorer import PlanScorer
from device_contract.profile import FirmwareProfile
from device_contract.sketches import RowSummarizer, encode_summary

_AGENT_RSS_BYTES: dict[ArtifactKind, int] = {"plan": 45 << 20, "onnx": 100 << 20}
"""The bound that the agent is held to with a plan; onnxruntime and NumPy come on top of it (``benchmarks/``)."""
_RSS_PER_ARTIFACT_BYTE: dict[ArtifactKind, int] = {"plan": 1, "onnx": 3}
"""A plan is read in place; onnxruntime keeps the parsed model and its own tables beside the file."""
_MICROCONTROLLERS = ("cortex-m4",)
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64", "armv7l": "armv7"}
_WINDOWS_PER_DAY = 24
"""The agent reports once an hour unless it is told otherwise."""
_WINDOW_ROWS = 3600
_REPORT_HEAD_BYTES = 300
"""Names, digests and times around the statistics (``docs/formats/messages.md``)."""
_WARM_UP_ROWS = 50
_TIMED_ROWS = 1000


@dataclass(frozen=True)
class Footprint:
    """What one artifact needs.

    Attributes:
        kind: The artifact's kind.
        artifact_bytes: Its size.
        rss_bytes: Resident memory of the agent that scores with it, estimated.
        p99_one_row_us: 99th percentile of the time to score one row, microseconds; ``None`` if
            this machine is not of the profile's kind.
    """

    kind: ArtifactKind
    artifact_bytes: int
    rss_bytes: int
    p99_one_row_us: float | None


def report_bytes(baseline: Baseline, rows: NDArray[np.float32], scores: NDArray[np.float64]) -> int:
    """Return the size of the report that a window of the sample's own rows makes.

    Args:
        baseline: The bundle's.
        rows: The sample, (n_rows, n_features).
        scores: What the model gives for it, (n_rows, n_outputs).

    Raises:
        SketchError: The model is too wide for any report.
    """
    summarizer = RowSummarizer(baseline)
    window = np.ascontiguousarray(rows[:_WINDOW_ROWS]), np.ascontiguousarray(scores[:_WINDOW_ROWS])
    for row, score in zip(*window, strict=True):
        summarizer.update(row.data, score.data)
    return len(encode_summary(summarizer.take(), baseline)) + _REPORT_HEAD_BYTES


def hold_telemetry(
    baseline: Baseline, rows: NDArray[np.float32], scores: NDArray[np.float64], profile: FirmwareProfile
) -> int:
    """Refuse a bundle whose hourly reports are more than the profile's devices may send.

    Returns:
        Bytes of reports a day.

    Raises:
        BudgetError: They are; the message holds the figures.
    """
    try:
        daily_bytes = _WINDOWS_PER_DAY * report_bytes(baseline, rows, scores)
    except SketchError as error:
        raise BudgetError(f"no report holds the statistics of this model: {error}") from error
    if daily_bytes > profile.max_telemetry_bytes_per_day:
        raise BudgetError(
            f"the reports of this model break the budget of profile {profile.name!r}:"
            f" about {daily_bytes} bytes a day, at most {profile.max_telemetry_bytes_per_day}"
        )
    return daily_bytes


def is_of_this_machine(profile: FirmwareProfile) -> bool:
    """Tell whether this machine has the profile's kind of processor, so that times measured here say anything."""
    return _MACHINES.get(platform.machine().lower()) == profile.processor


def measure(artifact: EmittedArtifact, profile: FirmwareProfile, rows: NDArray[np.float32]) -> Footprint:
    """Measure what an artifact needs on a profile's devices, as far as that can be done here."""
    return Footprint(
        artifact.kind,
        len(artifact.data),
        estimated_rss_bytes(artifact, profile, rows.shape[1]),
        p99_one_row_us(artifact, rows) if is_of_this_machine(profile) else None,
    )


def check(footprint: Footprint, profile: FirmwareProfile) -> None:
    """Compare what an artifact needs with what a profile grants.

    Raises:
        BudgetError: It needs more; the message holds the figures.
    """
    broken = []
    if footprint.artifact_bytes > profile.max_artifact_bytes:
        broken.append(f"{footprint.artifact_bytes} bytes, at most {profile.max_artifact_bytes}")
    if footprint.rss_bytes > profile.max_rss_bytes:
        broken.append(f"resident memory about {footprint.rss_bytes} bytes, at most {profile.max_rss_bytes}")
    if footprint.p99_one_row_us is not None and footprint.p99_one_row_us > profile.max_p99_one_row_us:
        broken.append(f"p99 of one row {footprint.p99_one_row_us:.0f} us, at most {profile.max_p99_one_row_us:.0f} us")
    if broken:
        raise BudgetError(f"the {footprint.kind} breaks the budget of profile {profile.name!r}: {'; '.join(broken)}")


def estimated_rss_bytes(artifact: EmittedArtifact, profile: FirmwareProfile, n_features: int) -> int:
    """Estimate resident memory; a microcontroller reads the plan from flash and holds one row.

    Raises:
        PlanError: The plan is not sound.
    """
    if profile.processor in _MICROCONTROLLERS:
        return n_features * np.dtype(np.float32).itemsize
    explaining = PlanScorer(artifact.data).explain_bytes if artifact.kind == "plan" else 0
    return _AGENT_RSS_BYTES[artifact.kind] + _RSS_PER_ARTIFACT_BYTE[artifact.kind] * len(artifact.data) + explaining


def p99_one_row_us(artifact: EmittedArtifact, rows: NDArray[np.float32]) -> float:
    """Measure the 99th percentile of the time to score one row, microseconds."""
    score = artifact.scorer()
    times_ns = []
    for number in range(_WARM_UP_ROWS + _TIMED_ROWS):
        row = rows[number % len(rows)][np.newaxis]
        start_ns = time.perf_counter_ns()
        score(row)
        times_ns.append(time.perf_counter_ns() - start_ns)
    return float(np.quantile(times_ns[_WARM_UP_ROWS:], 0.99)) / 1000
