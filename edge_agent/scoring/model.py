"""What every executable model does; ``PlanScorer`` and ``OnnxModel`` do it."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from device_contract.plan.scorer import Row, Rows, Scores

Score = float | tuple[float, ...]
"""A float for a model of one output, else a tuple of ``n_outputs`` floats."""


class Model(Protocol):
    """A loaded model. Its methods may be called from several threads at once.

    They raise ``device_contract.errors.RowError`` for a wrong width or type.
    """

    @property
    def n_features(self) -> int:
        """Width of a row."""

    @property
    def n_outputs(self) -> int:
        """Numbers that the model gives for a row."""

    def score(self, row: "Row", /) -> Score:
        """Score one row: a float32 buffer or a sequence of numbers."""

    def score_into(self, row: "Row", out: "Scores", /) -> None:
        """Score one row into a float64 buffer of ``n_outputs`` values."""

    def score_batch(self, rows: "Rows", n_rows: int, out: "Scores", /) -> None:
        """Score a float32 buffer of ``n_rows`` rows into a float64 buffer, without the GIL."""
