"""What a run finds, as it is kept in ``benchmarks/results/drift.json``; the page is made of it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """False alarms of a fleet without drift, at one setting of the knob.

    Attributes:
        world: How the fleet behaves.
        shown: What the knob says, for each 1000 devices in 30 windows.
        level: That follows from it.
        alarms: Verdicts against the own past or the peers that came.
        months: Of 1000 devices in 30 windows, that were looked at.
        by_channel: The alarms by verdict and channel.
    """

    world: str
    shown: float
    level: float
    alarms: int
    months: float
    by_channel: Mapping[str, int]

    @property
    def measured(self) -> float:
        """False alarms for each 1000 devices in 30 windows."""
        return self.alarms / self.months


class Found(msgspec.Struct, frozen=True):
    """A fault that some of the devices have.

    Attributes:
        fault: What it is.
        world: How the fleet behaves.
        allowed: Windows within which half of the faults have to be found.
        shown: The knob's setting.
        delays: Windows until each broken device was named, the first with the fault counted as 1; 0 if never.
        false: Healthy devices that were named meanwhile.
    """

    fault: str
    world: str
    allowed: int
    shown: float
    delays: tuple[int, ...]
    false: int

    @property
    def median(self) -> float:
        """Of the delays; infinite where less than half were found."""
        ordered = sorted(delay or float("inf") for delay in self.delays)
        return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2.0

    @property
    def share(self) -> float:
        """Of the broken devices that were found."""
        return sum(delay > 0 for delay in self.delays) / len(self.delays)


class Step(msgspec.Struct, frozen=True):
    """A step of the whole fleet.

    Attributes:
        step: Training standard deviations.
        devices: In the fleet.
        verdicts: Verdicts on the fleet that came with it.
        device_verdicts: Verdicts on devices in the windows after it.
    """

    step: float
    devices: int
    verdicts: int
    device_verdicts: int


class Gate(msgspec.Struct, frozen=True):
    """Rollouts of one kind through the divergence gate.

    Attributes:
        canaries: Devices that have the new version.
        devices: Of both.
        shift: What the new version adds to every score, in standard deviations of a row.
        ends: Rollouts by the verdict that they ended with.
    """

    canaries: int
    devices: int
    shift: float
    ends: Mapping[str, int]

    @property
    def aborted(self) -> float:
        """Share of the rollouts that the gate ended as failed."""
        return self.ends.get("fail", 0) / sum(self.ends.values())


class Speed(msgspec.Struct, frozen=True):
    """How fast a window is judged.

    Attributes:
        devices: How many.
        streams: Of each.
        seconds: Of the processor, on one core.
        calibration_seconds: The same to calibrate a bundle's levels.
        past_bytes: Of one device's past, as it is stored.
    """

    devices: int
    streams: int
    seconds: float
    calibration_seconds: float
    past_bytes: int


class Run(msgspec.Struct, frozen=True):
    """All of it."""

    machine: str
    versions: Mapping[str, str]
    rates: tuple[Rate, ...]
    found: tuple[Found, ...]
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]
    speed: Speed


def write(path: Path, run: Run) -> None:
    """Keep a run."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def read(path: Path) -> Run:
    """Read what an earlier run kept."""
    return msgspec.json.decode(path.read_bytes(), type=Run)
