"""Laws of the rollout policy, and the cases that its words name."""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.rollouts.policy import (
    Abandon,
    Decision,
    Finish,
    OfferWave,
    PassWave,
    SkipWave,
    SoakWave,
    StartWave,
    StopAtWave,
    Thresholds,
    Wave,
    deadlines,
    decide,
)
from fleet_server.rollouts.states import EXCUSED, FAILURES, OPEN, ActionState, Reason, WaveState

S = ActionState
THRESHOLDS = st.builds(
    Thresholds,
    success_threshold=st.floats(0, 1),
    error_threshold=st.floats(0, 1),
    min_executed=st.integers(1, 5),
    soak_s=st.integers(0, 100),
    offer_timeout_s=st.integers(1, 1000),
    action_timeout_s=st.integers(1, 1000),
)


def _wave(*states: ActionState, state: WaveState = WaveState.RUNNING, **more: object) -> Wave:
    return Wave(1, state, Counter(states), **more)


def _stop(*states: ActionState, **limits: float) -> StopAtWave:
    decision = decide([_wave(*states)], Thresholds(**limits), 0)
    assert isinstance(decision, StopAtWave)
    return decision


@dataclass(frozen=True)
class Part:
    """A device's part in a wave."""

    device_id: str
    state: ActionState = S.QUEUED
    offered_ms: int = 0
    began_ms: int = 0


@given(st.lists(st.sampled_from(ActionState), min_size=1), THRESHOLDS, st.integers(0, 10**9))
def test_a_wave_never_passes_above_its_thresholds(
    states: list[ActionState], thresholds: Thresholds, now_ms: int
) -> None:
    decision = decide([_wave(*states, succeeded_ms=0)], thresholds, now_ms)
    if not isinstance(decision, PassWave):
        return
    failures = sum(state in FAILURES for state in states)
    succeeded = states.count(S.SUCCEEDED)
    counted = sum(state not in EXCUSED for state in states)
    assert not any(state in OPEN for state in states)
    assert counted == 0 or succeeded >= thresholds.success_threshold * counted - 1e-9
    if succeeded + failures >= thresholds.min_executed and failures:
        assert failures / (succeeded + failures) <= thresholds.error_threshold
    assert succeeded or thresholds.success_threshold == 0 or S.ALREADY_INSTALLED in states


@st.composite
def _fleets(draw: st.DrawFn) -> tuple[list[int], dict[str, tuple[int | None, int | None, ActionState]]]:
    """Draw the size of each wave, and when each device answers, ends, and how."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    delays = st.none() | st.integers(0, 2000)
    behaviours = {}
    for wave, size in enumerate(sizes):
        for place in range(size):
            outcome = st.tuples(delays, delays, st.sampled_from([S.SUCCEEDED, S.FAILED, S.REJECTED, S.ROLLED_BACK]))
            behaviours[f"w{wave}d{place}"] = draw(outcome)
    return sizes, behaviours


@given(_fleets(), THRESHOLDS)
def test_a_rollout_always_ends(
    fleet: tuple[list[int], dict[str, tuple[int | None, int | None, ActionState]]], thresholds: Thresholds
) -> None:
    sizes, behaviours = fleet
    parts = {n + 1: [Part(f"w{n}d{place}") for place in range(size)] for n, size in enumerate(sizes)}
    waves = [Wave(number, WaveState.PENDING, {}) for number in parts]
    wave_s = thresholds.offer_timeout_s + thresholds.action_timeout_s + thresholds.soak_s
    for now_ms in range(0, 1000 * (len(sizes) * (wave_s + 2000) + 1), 50_000):
        parts = {
            number: [_act(part, behaviours[part.device_id], thresholds, now_ms) for part in those]
            for number, those in parts.items()
        }
        while (decision := decide(_counted(waves, parts), thresholds, now_ms)) is not None:
            if isinstance(decision, Finish):
                assert all(wave.state in {WaveState.PASSED, WaveState.SKIPPED} for wave in waves)
                return
            if isinstance(decision, StopAtWave):
                assert decision.reason
                assert decision.detail
                return
            if isinstance(decision, OfferWave):
                waiting = [place for place, part in enumerate(parts[decision.number]) if part.state == S.QUEUED]
                for place in waiting[:2]:
                    part = parts[decision.number][place]
                    parts[decision.number][place] = replace(part, state=S.OFFERED, offered_ms=now_ms)
            waves = [_apply(wave, decision, now_ms) for wave in waves]
    pytest.fail("it hangs")


def _counted(waves: list[Wave], parts: dict[int, list[Part]]) -> list[Wave]:
    return [replace(wave, counts=Counter(part.state for part in parts[wave.number])) for wave in waves]


def _apply(wave: Wave, decision: Decision, now_ms: int) -> Wave:
    if isinstance(decision, Finish) or wave.number != decision.number:
        return wave
    match decision:
        case StartWave():
            return replace(wave, state=WaveState.RUNNING)
        case OfferWave():
            return wave
        case SkipWave():
            return replace(wave, state=WaveState.SKIPPED)
        case SoakWave():
            return replace(wave, state=WaveState.SOAKING, succeeded_ms=now_ms)
        case _:
            return replace(wave, state=WaveState.PASSED)


def _act(
    part: Part, behaviour: tuple[int | None, int | None, ActionState], thresholds: Thresholds, now_ms: int
) -> Part:
    answers_s, ends_s, outcome = behaviour
    if part.state == S.OFFERED and answers_s is not None and now_ms >= part.offered_ms + 1000 * answers_s:
        part = replace(part, state=S.IN_PROGRESS, began_ms=now_ms)
    if part.state == S.IN_PROGRESS and ends_s is not None and now_ms >= part.began_ms + 1000 * ends_s:
        return replace(part, state=outcome)
    since_ms = {S.OFFERED: part.offered_ms, S.IN_PROGRESS: part.began_ms}.get(part.state)
    for deadline in deadlines(thresholds, now_ms):
        if part.state == deadline.state and since_ms <= deadline.since_ms:
            return replace(part, state=deadline.end)
    return part


def test_a_wave_waits_for_its_devices() -> None:
    assert decide([_wave(S.SUCCEEDED, S.OFFERED, S.IN_PROGRESS)], Thresholds(), 0) is None


def test_a_wave_offers_until_no_device_waits_or_too_many_failed() -> None:
    assert decide([_wave(S.QUEUED, S.QUEUED)], Thresholds(), 0) == OfferWave(1)
    assert decide([_wave(S.SUCCEEDED, S.OFFERED, S.QUEUED)], Thresholds(), 0) == OfferWave(1)
    assert _stop(S.FAILED, S.OFFERED, S.QUEUED).reason == Reason.ERROR_THRESHOLD
    assert decide([_wave(S.FAILED, S.QUEUED, accepted=True)], Thresholds(), 0) == OfferWave(1)


def test_a_wave_soaks_before_it_passes() -> None:
    limits = Thresholds(soak_s=10)
    assert decide([_wave(S.SUCCEEDED)], limits, 1000) == SoakWave(1)
    soaking = _wave(S.SUCCEEDED, state=WaveState.SOAKING, succeeded_ms=1000)
    assert decide([soaking], limits, 10_999) is None
    assert decide([soaking], limits, 11_000) == PassWave(1)


def test_failures_stop_a_wave_before_it_has_ended() -> None:
    stop = _stop(S.FAILED, S.OFFERED, S.SUCCEEDED, error_threshold=0.4, min_executed=2)
    assert stop.reason == Reason.ERROR_THRESHOLD
    assert stop.detail == "1 of 2 devices failed, at most 40.00% may"


def test_a_few_devices_are_not_enough_to_stop() -> None:
    assert decide([_wave(S.FAILED, S.OFFERED)], Thresholds(min_executed=2), 0) is None


@pytest.mark.parametrize("state", [S.UNREACHABLE, S.REMOVED, S.CANCELED])
def test_the_excused_are_not_counted(state: ActionState) -> None:
    assert decide([_wave(S.SUCCEEDED, state)], Thresholds(), 0) == SoakWave(1)
    stop = _stop(state)
    assert (stop.state, stop.reason) == (WaveState.INCONCLUSIVE, Reason.NO_DATA)


def test_a_deployment_ends_when_later_ones_have_all_its_devices() -> None:
    assert decide([_wave(S.SUPERSEDED), _wave(S.SUPERSEDED, state=WaveState.PENDING)], Thresholds(), 0) == Abandon()
    stop = _stop(S.SUPERSEDED, S.UNREACHABLE)
    assert stop.reason == Reason.NO_DATA


def test_a_missing_bundle_is_told_from_a_failure() -> None:
    assert _stop(S.SUCCEEDED, S.NO_VARIANT).reason == Reason.MISSING_VARIANT
    assert _stop(S.SUCCEEDED, S.TIMED_OUT, error_threshold=0.5).reason == Reason.SUCCESS_THRESHOLD


def test_a_wave_that_holds_the_version_already_passes() -> None:
    assert decide([_wave(S.ALREADY_INSTALLED, S.ALREADY_INSTALLED)], Thresholds(), 0) == SoakWave(1)


def test_an_empty_wave_is_skipped_and_the_last_finishes() -> None:
    assert decide([_wave(state=WaveState.PENDING)], Thresholds(), 0) == SkipWave(1)
    assert decide([_wave(state=WaveState.SKIPPED)], Thresholds(), 0) == Finish()


def test_an_accepted_wave_passes_once_it_has_ended() -> None:
    assert decide([_wave(S.FAILED, S.OFFERED, accepted=True)], Thresholds(), 0) is None
    assert decide([_wave(S.FAILED, S.FAILED, accepted=True)], Thresholds(), 0) == PassWave(1)


def test_the_two_clocks() -> None:
    offer, action = deadlines(Thresholds(offer_timeout_s=100, action_timeout_s=10), 150_000)
    assert (offer.state, offer.since_ms, offer.end) == (S.OFFERED, 50_000, S.UNREACHABLE)
    assert (action.state, action.since_ms, action.end) == (S.IN_PROGRESS, 140_000, S.TIMED_OUT)
