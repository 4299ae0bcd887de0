"""What every contender can do, ours and the peers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Stretch, stopwatch

Rows = NDArray[np.float32]


class UnavailableError(Exception):
    """A contender that does not take this model; the message says why."""


class Contender(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str:
        """How the results call it."""

    def stretch(self, batches: Sequence[Rows]) -> Stretch:
        """Prepare to score these batches in turn, each (n_rows, ...)."""

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows; returns (n_rows, n_outputs), or (n_rows,) of the second of two classes."""

    def close(self) -> None:
        """End what was started for the model."""


class InProcess(ABC):
    """A contender that runs in this process.

    It gets every help: what can be done before the clock runs (copying a row to the type that
    it likes, binding it, making room for the scores) is done before.
    """

    name: str

    @abstractmethod
    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return what is timed: a function of one argument, for batches of that many rows."""

    @abstractmethod
    def argument(self, rows: Rows) -> Any:
        """Make a batch what ``call``'s function takes."""

    @abstractmethod
    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows, not timed."""

    def stretch(self, batches: Sequence[Rows]) -> Stretch:
        """Prepare to score these batches in turn."""
        return stopwatch(self.call(len(batches[0])), [self.argument(batch) for batch in batches])

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """Nothing was started: the model goes with its last reference."""
