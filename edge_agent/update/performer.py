"""Carries out what the update machine asks for: the journal first, then the effects."""

import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from device_contract.assignment import AssignedSlot
from device_contract.errors import ContractError
from device_contract.profile import find_profile
from edge_agent.counters import Counters
from edge_agent.drawing import Leave
from edge_agent.errors import AgentError
from edge_agent.inference import InferenceLoop
from edge_agent.lanes import load_fallback, load_lanes
from edge_agent.preparation.messages import Job, Ready, Refused
from edge_agent.preparation.process import PreparationProcess
from edge_agent.probation import Probation, ProbationRules
from edge_agent.settings import Settings
from edge_agent.slots import BundleStore
from edge_agent.update import events
from edge_agent.update.journal import Journal
from edge_agent.update.machine import IllegalEventError, Limits, UpdateState, step
from edge_agent.update.offer import Offer

logger = logging.getLogger(__name__)

LONGEST_RETRY_S: Final = 60.0
JOURNAL_RETRY_S: Final = 1.0


@dataclass(frozen=True)
class Outcome:
    """What a preparing child answered."""

    process: PreparationProcess
    answer: Ready | Refused


class UpdatePerformer:
    """Feeds the machine and performs its effects; used from one thread.

    Args:
        settings: The agent's settings.
        state_dir: The state folder.
        inference: Where bundles are activated.
        counters: What goes wrong.
        clock_s: Monotonic seconds.
        deliver: Takes a child's outcome from its thread to the thread that uses this object.

    Raises:
        StateError: The journal cannot be read.
        ProfileError: The profile is unknown.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (the shell's parts, each once)
        self,
        settings: Settings,
        state_dir: Path,
        inference: InferenceLoop,
        counters: Counters,
        clock_s: Callable[[], float],
        deliver: Callable[[Outcome], None],
    ) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._inference = inference
        self._counters = counters
        self._clock_s = clock_s
        self._deliver = deliver
        self._store = BundleStore(state_dir / "bundles")
        self._journal = Journal(state_dir)
        self._limits = Limits(
            preparation_attempts=settings.preparation_attempts, activation_attempts=settings.activation_attempts
        )
        budget_ns = find_profile(settings.profile).max_p99_one_row_us * 1000
        self._rules = ProbationRules(settings.probation_rows, settings.probation_s, budget_ns)
        self._events: deque[events.Event] = deque()
        self._leave: Leave | None = None
        self._process: PreparationProcess | None = None
        self._retry_at_s: float | None = None
        self._journal_at_s = 0.0
        self.state = self._journal.read()
        self.loaded: tuple[AssignedSlot, ...] = ()

    def start(self) -> None:
        """Go on from what the journal says."""
        self._allow()
        self._feed(events.Started())

    def offer(self, offer: Offer) -> None:
        """Take an assignment that came; the one that is being carried out already is passed over."""
        if offer.sequence < self.state.accepted_sequence:
            self._counters.add("assignments_stale", f"sequence {offer.sequence} after {self.state.accepted_sequence}")
        elif offer not in {self.state.offer, self.state.waiting}:
            self._feed(events.Offered(offer))

    def outcome(self, outcome: Outcome) -> None:
        """Take a child's outcome; that of one which was replaced meanwhile is passed over."""
        if outcome.process is not self._process:
            return
        self._process = None
        self._feed(_event(outcome.answer))

    def tick(self) -> None:
        """Look at the timers and at the probations."""
        now_s = self._clock_s()
        if self._retry_at_s is not None and now_s >= self._retry_at_s:
            self._retry_at_s = None
            self._counters.add("preparation_retries")
            self._feed(events.RetryDue())
        if self.state.phase == "probation" and not self._events:
            self._judge(now_s)
        self._run()

    def stop(self) -> None:
        """End the child, if one runs; the journal knows what to do at the next start."""
        if self._process is not None:
            self._process.kill()

    def _judge(self, now_s: float) -> None:
        probations = self._inference.probations()
        fault = next((probation.fault for probation in probations if probation.fault is not None), None)
        if fault is not None:
            self._feed(events.ProbationFailed(fault.reason_code, fault.detail))
        elif probations and all(probation.has_passed(now_s) for probation in probations):
            self._inference.end_probations()
            self._feed(events.ProbationPassed())

    def _feed(self, event: events.Event) -> None:
        self._events.append(event)
        self._run()

    def _run(self) -> None:
        """Take the events in order; one whose state cannot be written waits for the disk."""
        while self._events and self._clock_s() >= self._journal_at_s:
            event = self._events[0]
            try:
                state, effects = step(self.state, event, self._limits)
                self._write(state)
            except IllegalEventError as error:
                logger.warning("ignored: %s", error)
                effects = ()
            except OSError as error:
                self._counters.add("journal_write_errors", f"{self._state_dir}: {error.strerror}")
                self._journal_at_s = self._clock_s() + JOURNAL_RETRY_S
                return
            self._events.popleft()
            for effect in effects:
                self._perform(effect)

    def _write(self, state: UpdateState) -> None:
        if state == self.state:
            return
        self._journal.write(state)
        if state.phase != self.state.phase:
            logger.info("update: %s -> %s %s %s", self.state.phase, state.phase, state.reason_code, state.detail)
        self.state = state
        self._allow()

    def _allow(self) -> None:
        """Let the windows know what the last verified assignment allows."""
        policy = self.state.sampling
        leave = Leave(policy, self.state.sampling_until_ms) if policy is not None else None
        if leave != self._leave:
            self._leave = leave
            self._inference.allow(leave)

    def _perform(self, effect: events.Effect) -> None:
        match effect:
            case events.Prepare():
                self._prepare(effect)
            case events.RetryLater(attempts):
                wait_s = min(2.0**attempts, LONGEST_RETRY_S)
                self._retry_at_s = self._clock_s() + random.uniform(wait_s / 2, wait_s)  # noqa: S311  (jitter)
            case events.BeginActivation():
                self._events.append(events.ActivationBegun())
            case events.Activate(slots):
                self._activate(slots)
            case events.Watch():
                self._inference.watch(lambda: Probation(self._rules, self._clock_s()))
            case events.Restore(slots):
                self._restore(slots)
            case events.Prune(keep):
                self._store.prune(slot.sha256 for slot in keep)

    def _prepare(self, effect: events.Prepare) -> None:
        self.stop()
        job = Job(
            state_dir=str(self._state_dir),
            device_id=self._settings.device_id,
            profile=self._settings.profile,
            envelope=effect.offer.envelope,
            repository_url=effect.offer.repository_url,
            accepted_sequence=effect.accepted_sequence,
            time_floor_ms=effect.time_floor_ms,
        )
        self._retry_at_s = None
        process = PreparationProcess(job, self._settings.preparation_timeout_s, self._deliver_of)
        self._process = process
        process.start()

    def _deliver_of(self, process: PreparationProcess, answer: Ready | Refused) -> None:
        self._deliver(Outcome(process, answer))

    def _activate(self, slots: tuple[AssignedSlot, ...]) -> None:
        try:
            lanes = load_lanes(slots, self._store.path, self._window_ms)
        except (ContractError, AgentError) as error:
            self._events.append(events.ActivationFailed(str(error)))
            return
        self._inference.use(lanes)
        self.loaded = slots
        self._events.append(events.Activated())

    def _restore(self, slots: tuple[AssignedSlot, ...]) -> None:
        try:
            lanes = load_lanes(slots, self._store.path, self._window_ms)
            self.loaded = slots
        except (ContractError, AgentError) as error:
            self._counters.add("model_unavailable", error)
            lanes = load_fallback(slots, self._store.path, self._window_ms)
            self.loaded = tuple(lane.slot for lane in lanes)
        self._inference.use(lanes)

    @property
    def _window_ms(self) -> int:
        return round(self._settings.window_s * 1000)


def _event(answer: Ready | Refused) -> events.Event:
    if isinstance(answer, Refused):
        return events.PreparationFailed(answer.reason_code, answer.detail, answer.is_final)
    assignment = answer.assignment
    return events.Prepared(
        assignment.sequence,
        assignment.action_id,
        assignment.issued_ms,
        assignment.slots,
        assignment.sampling,
        assignment.expires_ms,
    )
