"""The results page: a summary against what is required, then every figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.drift.canary import LOOKS, OFFSET_DEVIATION, ROWS
from benchmarks.drift.figures import Found, Gate, Rate, Run, Step
from benchmarks.drift.healthy import DAYS, FIRST_HOURS, HOURS
from benchmarks.drift.seeds import FAULTS
from detectors import DEFAULT_RATE

_HEAD = """# Drift: how often it is wrong, and how fast it is right

`python -m benchmarks.drift`, seeded: the same figures each time. Simulated fleets are judged by the code that judges
in the server. A false alarm is a verdict on a healthy device, against its own past or its peers, that comes; one that
stays counts once. The knob says how many are expected for each 1000 devices in a month of 30 windows; the levels
follow from the bundle's own calibrated table, made anew of each seed's training sample. Where windows are hours, each
device follows the day a little differently (10 % of its amplitude).

The detectors were tuned on seeds below 100. The figures are of others (`benchmarks/drift/seeds.py`), which nobody had
looked at: the fourth such set. On the first, half of the shifts of 0.1 sd took 6 windows, and the false alarms of
independent rows did not fall as the knob said where it shows little. Both were looked into on development's seeds: a
device's mean that is by chance 3 standard deviations out was taken for its own, which is now asked from 4.5 on. On the
second all was met, but after a first look more hours were drawn, and faults were followed for longer. On the third the
rarest alarms of hours came too often at the default: after many windows a stream's variance was taken for known, as if
its scores were Gaussian, and counts as known by 100 windows at most since. What was mended after that (devices
broken or late for long, groups of three, variances beyond float16) left every figure of these draws as it was.
"""
_MOST_FALSE = 0.5
_FACTOR = 2.0
_MOST_SECONDS = 20.0
_MOST_CALIBRATION = 0.5
_MOST_ABORTED = 0.025
_LEAST_CAUGHT = 0.95
_SEASONAL = {DAYS: "a window is a day", FIRST_HOURS: "an hour, of the first four days", HOURS: "an hour, later"}


@dataclass(frozen=True)
class Requirement:
    """One requirement.

    Attributes:
        what: What is measured.
        measured: The figure.
        required: What it may be.
        met: Whether it holds.
    """

    what: str
    measured: str
    required: str
    met: bool


def requirements(run: Run) -> Iterator[Requirement]:
    """Hold a run's figures to what is required."""
    seasonal = [rate for rate in run.rates if rate.world in _SEASONAL]
    yield from map(_few, (rate for rate in seasonal if rate.shown == DEFAULT_RATE))
    yield from map(_close, seasonal)
    yield from map(_fast, (found for found in run.found if found.shown == DEFAULT_RATE))
    yield from _stepped(run.steps)
    yield from map(_gated, run.gates)
    speed = run.speed
    what = f"seconds for {speed.devices:,} devices of {speed.streams} features and one window"
    yield Requirement(what, f"{speed.seconds:.3g}", f"at most {_MOST_SECONDS:g}", speed.seconds <= _MOST_SECONDS)
    met = speed.calibration_seconds <= _MOST_CALIBRATION
    yield Requirement(
        "seconds to calibrate a bundle", f"{speed.calibration_seconds:.2g}", f"at most {_MOST_CALIBRATION:g}", met
    )


def _few(rate: Rate) -> Requirement:
    low, high = interval(rate)
    what = f"false verdicts for each 1000 devices in 30 windows at the default, {_SEASONAL[rate.world]}"
    measured = f"{rate.measured:.2g} ({low:.2g} to {high:.2g})"
    return Requirement(what, measured, f"at most {_MOST_FALSE}", rate.measured <= _MOST_FALSE)


def _close(rate: Rate) -> Requirement:
    low, high = interval(rate)
    met = low <= _FACTOR * rate.shown and high >= rate.shown / _FACTOR
    measured = f"{rate.measured:.3g} ({low:.2g} to {high:.2g})"
    what = f"false verdicts where the knob shows {rate.shown:g}, {_SEASONAL[rate.world]}"
    return Requirement(what, measured, "within a factor of 2", met)


def _fast(found: Found) -> Requirement:
    met = found.median <= found.allowed and found.share == 1.0
    measured = f"{found.median:g} windows, {found.share:.0%} found"
    return Requirement(f"{found.fault}: median delay", measured, f"at most {found.allowed}, all found", met)


def _stepped(steps: Sequence[Step]) -> Iterator[Requirement]:
    verdicts = [step.verdicts for step in steps]
    what = f"verdicts on the fleet at a step of {steps[0].step} sd, each time"
    yield Requirement(what, ", ".join(map(str, verdicts)), "1", set(verdicts) == {1})
    per_1000 = 1000.0 * sum(step.device_verdicts for step in steps) / sum(step.devices for step in steps)
    yield Requirement("verdicts on its devices, for each 1000", f"{per_1000:.2g}", "at most 1", per_1000 <= 1.0)


def _gated(gate: Gate) -> Requirement:
    aborted = f"{gate.aborted:.2%}"
    if gate.shift:
        what = f"rollouts aborted where {gate.canaries} of {gate.devices} devices shift by {gate.shift:+g} sd"
        return Requirement(what, aborted, f"at least {_LEAST_CAUGHT:.0%}", gate.aborted >= _LEAST_CAUGHT)
    what = f"good rollouts aborted, {gate.canaries} canaries of {gate.devices} devices"
    return Requirement(what, aborted, f"at most {_MOST_ABORTED:.1%}", gate.aborted <= _MOST_ABORTED)


def interval(rate: Rate) -> tuple[float, float]:
    """Return the 95 % interval of the measured rate: of a Poisson count, by Byar's approximation.

    Source: Breslow and Day, Statistical methods in cancer research II, 1987, page 69.
    """
    low = _byar(rate.alarms, -1.96) if rate.alarms else 0.0
    return low / rate.months, _byar(rate.alarms + 1, 1.96) / rate.months


def _byar(count: int, z: float) -> float:
    return count * (1.0 - 1.0 / (9.0 * count) + z / (3.0 * count**0.5)) ** 3


def render(run: Run) -> str:
    """Write the page, in Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    parts = [
        _HEAD,
        f"{run.machine}; {versions}.\n",
        "![False alarms and delay over the knob](drift.svg)\n",
    ]
    parts += ["## Against the requirements\n", "| what | measured | required | |", "|---|---|---|---|"]
    parts += [
        f"| {one.what} | {one.measured} | {one.required} | {'met' if one.met else '**missed**'} |"
        for one in requirements(run)
    ]
    parts += ["\nIn brackets the 95 % interval; a factor is missed where the interval lies outside it.\n"]
    for world in dict.fromkeys(rate.world for rate in run.rates):
        parts += _rates([rate for rate in run.rates if rate.world == world])
    parts += ["## Faults\n", *_faults(run.found)]
    parts += ["## Rollouts through the divergence gate\n", *_gates(run.gates)]
    parts += [f"\nA device's past is stored in {run.speed.past_bytes:,} bytes for {run.speed.streams} features.\n"]
    return "\n".join(parts)


def _rates(rates: Sequence[Rate]) -> Iterator[str]:
    yield f"## No drift: {rates[0].world}\n"
    yield f"1000 devices in 30 windows, {rates[0].months:.3g} times.\n"
    yield "| the knob shows | level | measured | alarms | by channel |"
    yield "|---|---|---|---|---|"
    for rate in rates:
        channels = ", ".join(f"{name} {count}" for name, count in rate.by_channel.items())
        yield f"| {rate.shown:g} | {rate.level:.2f} | {rate.measured:.3g} | {rate.alarms} | {channels} |"
    yield ""


def _faults(found: Sequence[Found]) -> Iterator[str]:
    yield f"One in twenty devices breaks, in {len(FAULTS)} fleets. Windows until half of them are named, at each"
    yield "setting of the knob:\n"
    settings = list(dict.fromkeys(one.shown for one in found))
    yield "| fault | world | " + " | ".join(f"{shown:g}" for shown in settings) + " | healthy devices named |"
    yield "|---|---|" + "---|" * len(settings) + "---|"
    for fault, world in dict.fromkeys((one.fault, one.world) for one in found):
        by_setting = {one.shown: one for one in found if (one.fault, one.world) == (fault, world)}
        delays = " | ".join(f"{by_setting[shown].median:g}" if shown in by_setting else "" for shown in settings)
        yield f"| {fault} | {world} | {delays} | {by_setting[DEFAULT_RATE].false} |"
    yield ""


def _gates(gates: Sequence[Gate]) -> Iterator[str]:
    yield f"Each device scores {ROWS} rows in a window and has an offset of its own (standard deviation"
    yield f"{OFFSET_DEVIATION} of a row's); all share each hour's weather. The gate looks after each window,"
    yield f"{LOOKS} at most.\n"
    yield "| canaries | of devices | shift | rollouts | aborted | passed | undecided to the end |"
    yield "|---|---|---|---|---|---|---|"
    for gate in gates:
        ends = [gate.ends.get(verdict, 0) for verdict in ("fail", "pass", "inconclusive")]
        shares = " | ".join(f"{end / sum(ends):.2%}" for end in ends)
        yield f"| {gate.canaries} | {gate.devices} | {gate.shift:+g} | {sum(ends)} | {shares} |"
