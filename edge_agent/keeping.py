"""What becomes of a window that closes: its report, and by leave the rows that were drawn from it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import msgspec

from device_contract.assignment import AssignedSlot, SamplingPolicy
from edge_agent.counters import Counters
from edge_agent.drawing import Leave
from edge_agent.gauges import Gauges
from edge_agent.lanes import Lane
from edge_agent.summary import ClosedWindow


class Keeper(Protocol):
    """Takes what goes to the fleet."""

    def keep(self, slot: AssignedSlot, baseline_sha256: str, window: ClosedWindow) -> None:
        """Take a closed window: its slot, the digest of its baseline, its statistics."""

    def keep_sample(
        self, slot: AssignedSlot, features: tuple[str, ...], window: ClosedWindow, policy: SamplingPolicy
    ) -> None:
        """Take the rows that were drawn from a window, by leave."""


class Keeping:
    """Hands windows on.

    Args:
        keeper: Takes them.
        counters: What goes wrong.
        clock_ms: Unix milliseconds.

    Attributes:
        gauges: What goes into the champion's reports beside its rows.
        leave: By which rows may be sent, if they may.
    """

    def __init__(self, keeper: Keeper, counters: Counters, clock_ms: Callable[[], int]) -> None:
        self.gauges = Gauges(counters)
        self.leave: Leave | None = None
        self._keeper = keeper
        self._clock_ms = clock_ms

    def tell(self, lane: Lane) -> None:
        """Let a lane know what its next window may draw; what the shadow sees is drawn for the champion."""
        lane.windows.leave = self.leave if lane.answers else None

    def keep(self, lane: Lane, closed: ClosedWindow) -> None:
        """Hand a window on; metrics and resources are the whole agent's, so they go with the answers."""
        if not lane.answers:
            self._keeper.keep(lane.slot, lane.baseline_sha256, closed)
            return
        metrics, resources = self.gauges.take()
        summary = msgspec.structs.replace(closed.summary, metrics=metrics, resources=resources)
        self._keeper.keep(lane.slot, lane.baseline_sha256, replace(closed, summary=summary))
        policy = self._still_allowed(closed.leave)
        if policy is not None and closed.rows:
            self._keeper.keep_sample(lane.slot, lane.features, closed, policy)

    def _still_allowed(self, leave: Leave | None) -> SamplingPolicy | None:
        """Return what was allowed when the window began, unless it was changed, withdrawn, or has run out since."""
        present = self.leave
        if leave is None or present is None or leave.policy != present.policy:
            return None
        return present.policy if self._clock_ms() < present.until_ms else None
