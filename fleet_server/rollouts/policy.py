"""What a rollout does next: pure rules over members, states and a clock.

A wave offers the version to its devices, some hundreds at a time while not too many
have failed, and runs until each of its actions has ended, by the device's word or by
one of two clocks: ``offer_timeout_s`` ends an offer that no one answered,
``action_timeout_s`` ends an installation that began. So no wave hangs. Then it is
judged, over distinct devices, never over attempts::

    counted = members - unreachable - already installed - superseded - canceled - removed
    success = succeeded / counted                  must reach success_threshold
    error   = failures / (succeeded + failures)    must stay within error_threshold,
                                                   judged from min_executed devices on

A wave that reaches its success threshold soaks for ``soak_s`` and has then passed. A
wave with nothing to count has not passed: it is inconclusive, unless every device
held the version already. Whatever has not passed pauses the deployment, with a reason,
and only an operator takes it on (``Wave.accepted``). A deployment ends by itself when
later ones have taken all devices that it still meant.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fleet_server.rollouts.states import EXCUSED, FAILURES, OPEN, ActionState, Reason, WaveState


@dataclass(frozen=True)
class Thresholds:
    """The limits of a deployment.

    Args:
        success_threshold: Least share of counted devices that must succeed, 0 to 1.
        error_threshold: Largest share of failures that is borne, 0 to 1.
        min_executed: Devices that must have ended before failures stop a wave.
        soak_s: Seconds between a wave's success and the next wave.
        offer_timeout_s: Seconds until a device that does not answer is given up.
        action_timeout_s: Seconds that a device may take from its first answer to its last.
    """

    success_threshold: float = 1.0
    error_threshold: float = 0.05
    min_executed: int = 1
    soak_s: int = 0
    offer_timeout_s: int = 86_400
    action_timeout_s: int = 3600


@dataclass(frozen=True)
class Deadline:
    """A clock: it ends the actions that have been in a state since some moment or longer."""

    state: ActionState
    since_ms: int
    end: ActionState


@dataclass(frozen=True)
class Wave:
    """A wave, and how many of its members' actions are in each state."""

    number: int
    state: WaveState
    counts: Mapping[ActionState, int]
    succeeded_ms: int | None = None
    """When it reached its success threshold and began to soak."""
    accepted: bool = False
    """An operator has taken the deployment on in spite of this wave: it passes once it has ended."""


@dataclass(frozen=True)
class StartWave:
    """The wave's turn has come."""

    number: int


@dataclass(frozen=True)
class OfferWave:
    """Offer the version to the next devices of the running wave that wait for it."""

    number: int


@dataclass(frozen=True)
class SkipWave:
    """The wave has no members."""

    number: int


@dataclass(frozen=True)
class SoakWave:
    """The wave has succeeded; wait and watch."""

    number: int


@dataclass(frozen=True)
class PassWave:
    """The wave has succeeded and soaked."""

    number: int


@dataclass(frozen=True)
class StopAtWave:
    """The wave has not passed: pause the deployment."""

    number: int
    state: WaveState
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Finish:
    """Every wave has passed or was skipped."""


@dataclass(frozen=True)
class Abandon:
    """Later deployments have taken every device of the waves that remain."""


Decision = StartWave | OfferWave | SkipWave | SoakWave | PassWave | StopAtWave | Finish | Abandon


def decide(waves: Collection[Wave], thresholds: Thresholds, now_ms: int) -> Decision | None:
    """Return the next thing that a running deployment does, or ``None`` if it waits.

    Args:
        waves: All its waves, in order.
        thresholds: Its limits.
        now_ms: The present, Unix milliseconds.
    """
    remaining = [wave for wave in waves if wave.state not in {WaveState.PASSED, WaveState.SKIPPED}]
    states = {state for wave in remaining for state, count in wave.counts.items() if count}
    if states == {ActionState.SUPERSEDED}:
        return Abandon()
    for wave in remaining:
        if wave.state == WaveState.PENDING:
            return StartWave(wave.number) if any(wave.counts.values()) else SkipWave(wave.number)
        return _judge(wave, thresholds, now_ms)
    return Finish()


def deadlines(thresholds: Thresholds, now_ms: int) -> tuple[Deadline, Deadline]:
    """Return the two clocks: that of actions which were offered, and that of actions which began."""
    return (
        Deadline(ActionState.OFFERED, now_ms - 1000 * thresholds.offer_timeout_s, ActionState.UNREACHABLE),
        Deadline(ActionState.IN_PROGRESS, now_ms - 1000 * thresholds.action_timeout_s, ActionState.TIMED_OUT),
    )


def _judge(wave: Wave, thresholds: Thresholds, now_ms: int) -> Decision | None:
    counts = Counter(wave.counts)
    succeeded = counts[ActionState.SUCCEEDED]
    failures = sum(counts[state] for state in FAILURES)
    ended = succeeded + failures
    has_enough = ended >= max(thresholds.min_executed, 1)
    if not wave.accepted and has_enough and failures / ended > thresholds.error_threshold:
        detail = f"{failures} of {ended} devices failed, at most {thresholds.error_threshold:.2%} may"
        return StopAtWave(wave.number, WaveState.FAILED, Reason.ERROR_THRESHOLD, detail)
    if counts[ActionState.QUEUED]:
        return OfferWave(wave.number)
    if any(counts[state] for state in OPEN):
        return None
    return PassWave(wave.number) if wave.accepted else _judge_ended(wave, counts, thresholds, now_ms)


def _judge_ended(wave: Wave, counts: Counter[ActionState], thresholds: Thresholds, now_ms: int) -> Decision | None:
    succeeded = counts[ActionState.SUCCEEDED]
    counted = counts.total() - sum(counts[state] for state in EXCUSED)
    if counted == 0 and not counts[ActionState.ALREADY_INSTALLED]:
        detail = f"none of its {counts.total()} devices could be judged"
        return StopAtWave(wave.number, WaveState.INCONCLUSIVE, Reason.NO_DATA, detail)
    if counted and succeeded / counted < thresholds.success_threshold:
        detail = f"{succeeded} of {counted} devices succeeded, {thresholds.success_threshold:.2%} must"
        lacking = (succeeded + counts[ActionState.NO_VARIANT]) / counted >= thresholds.success_threshold
        reason = Reason.MISSING_VARIANT if lacking else Reason.SUCCESS_THRESHOLD
        return StopAtWave(wave.number, WaveState.FAILED, reason, detail)
    if wave.succeeded_ms is None:
        return SoakWave(wave.number)
    return PassWave(wave.number) if now_ms - wave.succeeded_ms >= 1000 * thresholds.soak_s else None
