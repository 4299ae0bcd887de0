"""Reading a source to its end, whatever it raises."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from edge_agent.counters import Counters
from edge_agent.rows import Record
from edge_agent.run import _Feed


class Broken:
    is_live = False

    def read(self, _stop: threading.Event) -> Iterator[Record]:
        yield Record([1.0])
        raise ZeroDivisionError("a bug")


def test_a_source_that_breaks_off_ends_its_window_and_is_counted() -> None:
    done: list[Any] = []
    inference = SimpleNamespace(
        has_model=threading.Event(), score=done.append, close_all=lambda: done.append("closed"), rows_scored=1
    )
    inference.has_model.set()
    runtime: Any = SimpleNamespace(inference=inference, counters=Counters(lambda: 0.0))
    _Feed(Broken(), runtime, threading.Event()).read()
    assert done == [Record([1.0]), "closed"]
    assert runtime.counters.snapshot() == {"source_errors": 1}
