"""How fast a bundle's artifacts are on this machine, and what they hold in memory, against a profile's budget."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec

import device_contract
from compiler import budget, scorer_process
from compiler.errors import BudgetError, CompilerError
from device_contract.bundle import Bundle
from device_contract.errors import BundleError
from device_contract.manifest import ArtifactKind
from device_contract.profile import FirmwareProfile


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What one artifact takes; measured by ``compiler.scorer_process``."""

    timed_rows: int
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    rows_per_s: float
    open_ms: float
    load_ms: float
    rss_bytes: int | None


class ArtifactBench(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact: its size, what it takes, and what of the budget it breaks, if anything."""

    kind: ArtifactKind
    artifact_bytes: int
    measured: Measurement
    broken: str | None


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle's artifacts take on this machine; its page is ``docs/formats/bench-report.md``.

    Attributes:
        sha256: The bundle's digest.
        processor: This machine's kind of processor.
        profile: The firmware profile that they were held against, if any.
        is_comparable: Whether the profile's devices have this kind of processor; if not, only sizes are held.
        artifacts: Each artifact.
    """

    report_version: Literal[1] = 1
    model: str
    version: str
    sha256: str
    processor: str
    profile: FirmwareProfile | None
    is_comparable: bool
    artifacts: tuple[ArtifactBench, ...]

    def check(self) -> None:
        """Refuse what breaks the budget.

        Raises:
            BudgetError: An artifact does; the message holds the figures.
        """
        broken = [artifact.broken for artifact in self.artifacts if artifact.broken]
        if broken:
            raise BudgetError("; ".join(broken))


def bench(bundle: Bundle, path: Path, profile: FirmwareProfile | None, seconds: float) -> BenchReport:
    """Measure each artifact of a bundle in a process that holds nothing else.

    Args:
        bundle: The bundle, opened.
        path: Its file.
        profile: The budget to hold it against, if any.
        seconds: How long to score with each.

    Raises:
        BundleError: An artifact does not load or run.
        CompilerError: No process can be started.
    """
    is_comparable = profile is not None and budget.is_of_this_machine(profile)
    artifacts = []
    for artifact in bundle.manifest.artifacts:
        measured = measure(path, artifact.kind, seconds)
        size_bytes = artifact.file.size_bytes
        footprint = budget.Footprint(
            artifact.kind,
            size_bytes,
            (measured.rss_bytes or 0) if is_comparable else 0,
            measured.p99_us if is_comparable else None,
        )
        broken = _broken(footprint, profile) if profile else None
        artifacts.append(ArtifactBench(kind=artifact.kind, artifact_bytes=size_bytes, measured=measured, broken=broken))
    return BenchReport(
        model=bundle.manifest.model,
        version=bundle.manifest.version,
        sha256=bundle.sha256,
        processor=platform.machine(),
        profile=profile,
        is_comparable=is_comparable,
        artifacts=tuple(artifacts),
    )


def measure(path: Path, kind: ArtifactKind, seconds: float) -> Measurement:
    """Measure one artifact in a process of its own.

    Raises:
        BundleError: It does not load or run.
        CompilerError: No process can be started.
    """
    # By its file and with -P: as a module it would bring its package along, and that NumPy and more.
    command = [sys.executable, "-P", scorer_process.__file__, str(path), kind, str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(Path(device_contract.__path__[0]).parent)}
    try:
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, encoding="utf-8")
    except OSError as error:
        raise CompilerError(f"cannot start {sys.executable}: {error.strerror}") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BundleError(f"the {kind} does not load or run: {reason}")
    return msgspec.json.decode(done.stdout, type=Measurement)


def _broken(footprint: budget.Footprint, profile: FirmwareProfile) -> str | None:
    try:
        budget.check(footprint, profile)
    except BudgetError as error:
        return str(error)
    return None
