"""The rows that one window draws: to send by leave, and to tell what the scores came from.

What a feature contributes is asked of the plan for ``EXPLAINED_ROWS`` rows of a window, however
many it has: that bounds the cost, and their sums travel in the report like every other statistic.
Raw rows are sent by leave alone, and only what was drawn with the key of that leave.
"""

import array
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from device_contract.assignment import SamplingPolicy
from device_contract.samples import SampledRow
from edge_agent.sampling import DrawnRow, RowSampler

EXPLAINED_ROWS: Final = 64
_NO_SECRET: Final = b"attributions"
"""Chooses the rows that are only summed up."""


@dataclass(frozen=True)
class Leave:
    """Leave to send rows, from a verified assignment.

    Attributes:
        policy: Which rows.
        until_ms: When the assignment expires, Unix milliseconds.
    """

    policy: SamplingPolicy
    until_ms: int


class Explainer(Protocol):
    """A model that may tell what each feature contributed."""

    @property
    def n_features(self) -> int:
        """Width of a row."""

    @property
    def n_explained(self) -> int:
        """Raw scores that it explains; 0 if it cannot tell."""

    def explain_into(self, row: "array.array[float]", out: "array.array[float]") -> None:
        """Write contributions, float64 (n_features + 1, n_explained), the last line the expected scores."""


class Draw:
    """What one window draws.

    Args:
        explainer: The model.
        leave: By which rows may be sent, if they may.
    """

    def __init__(self, explainer: Explainer, leave: Leave | None) -> None:
        self.leave = leave
        self._explainer = explainer
        self._explained = EXPLAINED_ROWS if explainer.n_explained else 0
        self._sent = leave.policy.rows_per_window if leave is not None else 0
        if leave is not None and leave.policy.explain and explainer.n_explained:
            self._explained = max(self._explained, self._sent)
        key = bytes.fromhex(leave.policy.key) if leave is not None else _NO_SECRET
        size = max(self._explained, self._sent)
        self._sampler = RowSampler(key, size) if size else None

    def offer(self, number: int, time_ms: int, row: "array.array[float]", outputs: "array.array[float]") -> None:
        """Let a row take part in the draw."""
        if self._sampler is not None:
            self._sampler.offer(number, time_ms, row, outputs)

    def finish(self, observe: Callable[["array.array[float]"], None]) -> tuple[SampledRow, ...]:
        """End the draw.

        Args:
            observe: Told of the contributions to each row that is explained for the statistics.

        Returns:
            The rows that may be sent, in the order of their numbers, nothing redacted yet.
        """
        drawn = self._sampler.take() if self._sampler is not None else []
        sent = [row for place, each in enumerate(drawn) if (row := self._finish_row(place, each, observe)) is not None]
        return tuple(sorted(sent, key=lambda row: row.row))

    def _finish_row(
        self, place: int, drawn: DrawnRow, observe: Callable[["array.array[float]"], None]
    ) -> SampledRow | None:
        contributions = self._explain(drawn) if place < self._explained else None
        if contributions is not None and place < EXPLAINED_ROWS:
            observe(contributions)
        if self.leave is None or place >= self._sent:
            return None
        return SampledRow(
            row=drawn.number,
            time_ms=drawn.time_ms,
            values=drawn.values,
            outputs=drawn.outputs,
            contributions=self._as_sent(contributions) if self.leave.policy.explain else b"",
        )

    def _explain(self, drawn: DrawnRow) -> "array.array[float] | None":
        """Return what each feature contributed; None for a row that the model refuses, or scores with no number."""
        lines = self._explainer.n_features + 1
        out = array.array("d", bytes(8 * lines * self._explainer.n_explained))
        self._explainer.explain_into(array.array("f", drawn.values), out)
        return out if math.isfinite(sum(out)) else None

    def _as_sent(self, contributions: "array.array[float] | None") -> bytes:
        if contributions is None:
            return b""
        return array.array("f", contributions[: self._explainer.n_features * self._explainer.n_explained]).tobytes()
