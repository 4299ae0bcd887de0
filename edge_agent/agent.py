"""The in-process door to a whole agent: an application scores its rows, the fleet sees how they are.

::

    with edge_agent.Agent("leeway-state") as agent:
        agent.wait_for_model(60)
        scored = agent.score({"left": 1.0, "right": 2.0})

The same runtime as ``leeway-agent run``, on a thread of its own: it holds the connection,
takes new versions, and reports. Every method may be called from any thread, and none raises
for what is wrong with a row: it is counted, as in a process of its own.
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.inference import ScoredRow
from edge_agent.rows import Record, Values
from edge_agent.runtime import Runtime
from edge_agent.settings import changed, read_settings

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
        return self._runtime.inference.score(Record(row, time_ms))
