"""The in-process door to a whole agent: an application scores its rows, the fleet sees how they are.

::

    with edge_agent.Agent("leeway-state") as agent:
        agent.wait_for_model(60)
        scored = agent.score({"left": 1.0, "right": 2.0})
        agent.observe("parts", 3)
        agent.feedback(1.0, row=scored.row)

The same runtime as ``leeway-agent run``, on a thread of its own: it holds the connection,
takes new versions, and reports. Every method may be called from any thread, and none raises
for what is wrong with a row: it is counted, as in a process of its own.
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.errors import RowRefusedError
from edge_agent.feedback import Truth
from edge_agent.rows import Record, Values, parse_time_ms
from edge_agent.runtime import Runtime
from edge_agent.settings import changed, read_settings
from edge_agent.sinks.sink import ScoredRow
from edge_agent.sources.source import BadRow

ENDING_S = 30.0


class Agent:
    """An agent in this process, from ``with`` to the end of its block.

    Args:
        state_dir: The state folder of an enrolled device.
        window_s: Length of a window of statistics in seconds, instead of the setting.

    Raises:
        SettingsError: The folder holds no enrolled device, or the window is not one.
        StateError: The folder cannot be used, or another agent uses it.
        ProfileError: The profile is unknown.
    """

    def __init__(self, state_dir: str | Path, *, window_s: float | None = None) -> None:
        settings = read_settings(Path(state_dir))
        if window_s is not None:
            settings = changed(settings, window_s=window_s)
        self._runtime = Runtime(settings, Path(state_dir).resolve())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._runtime.run, args=(self._stopping,), name="agent", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(ENDING_S)

    def wait_for_model(self, timeout_s: float | None = None) -> bool:
        """Wait until a model is active; tell whether one is."""
        return self._runtime.inference.has_model.wait(timeout_s)

    def score(self, row: Values, *, time_ms: int | None = None) -> ScoredRow | None:
        """Score one row, and count it in the window's statistics.

        Args:
            row: The numbers in the model's order, or by feature name.
            time_ms: Its event time, Unix milliseconds; the clock's without one.

        Returns:
            The outputs and the row's number; None where no model is active, where the row cannot
            be scored, or where it completes no frame.
        """
        try:
            record = Record(row, None if time_ms is None else parse_time_ms(time_ms))
        except RowRefusedError as error:
            self._runtime.inference.refuse(BadRow(error.reason, str(error)))
            return None
        return self._runtime.inference.score(record)

    def observe(self, name: str, value: float) -> None:
        """Count a value of the application's own: it goes out with the window that is open.

        Args:
            name: At most 64 bytes; at most 32 names a window.
            value: A finite number.
        """
        self._runtime.inference.gauges.observe(name, value)

    def feedback(
        self, label: float | str, *, row: int | None = None, time_ms: int | None = None, weight: float = 1.0
    ) -> bool:
        """Tell what a row turned out to be, at once or weeks later.

        Args:
            label: A number, or the label of a class.
            row: The row's number, as ``score`` gave it; better than its time.
            time_ms: The row's event time, Unix milliseconds.
            weight: How much it counts.

        Returns:
            Whether it was taken; what can be no label is counted and dropped.
        """
        return self._runtime.label(Truth(label, row, time_ms, weight))
