"""Giving each its turn: one that fails holds up none of the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")


def each_in_turn(items: Iterable[ItemT], act: Callable[[ItemT], object]) -> None:
    """Act on one item after the other.

    Raises:
        ExceptionGroup: What failed, once all have had their turn.
    """
    errors: list[Exception] = []
    for item in items:
        try:
            act(item)
        except Exception as error:  # noqa: BLE001  (raised below)
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} failed", errors)
