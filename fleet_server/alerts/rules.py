"""What a rule does with the readings of one subject (pure).

A *watch* is what a rule remembers of a subject: a device with a model, say. Without one
all is quiet::

    quiet --holds--> pending --windows and for_s, past cool_down_s--> open
    pending --holds no longer--> quiet
    open --past the clear level--> cooling (quiet, with the time of closing)

A reading is taken to stay true until the next one: a verdict is told once, when it changes.
So a pending watch may open without a reading, when its time has come (``ripen``).
"""

from dataclasses import dataclass, replace
from typing import Literal

from fleet_server.alerts.language import Rule, Severity

Value = float | str | None
"""A number or a word; ``None``: there is nothing to judge any more."""
Phase = Literal["pending", "open", "cooling"]
Outcome = Literal["open", "held", "close", "nothing"]


@dataclass(frozen=True)
class Watch:
    """What a rule remembers of one subject; times are the server's, Unix milliseconds."""

    phase: Phase
    windows: int = 0
    """Readings in a row for which the condition has held."""
    since_ms: int = 0
    """Time of the first of them."""
    window_ms: int | None = None
    """Start of the window of the latest reading, if that has one."""
    closed_ms: int | None = None
    """When the last alert closed."""


def holds(rule: Rule, value: Value, *, is_open: bool = False) -> bool:
    """Tell whether the condition holds; for an open alert, whether it is still short of the clear level."""
    if rule.equals is not None:
        return value == rule.equals
    if not isinstance(value, int | float):
        return False
    if rule.above is not None:
        return value > (rule.clear if is_open and rule.clear is not None else rule.above)
    assert rule.below is not None  # noqa: S101  (a checked rule has a condition)
    return value < (rule.clear if is_open and rule.clear is not None else rule.below)


def severity(rule: Rule, value: Value) -> Severity:
    """Return how severe it is that the condition holds at this value."""
    if rule.critical is None or not isinstance(value, int | float):
        return rule.severity
    is_critical = value >= rule.critical if rule.above is not None else value <= rule.critical
    return "critical" if is_critical else rule.severity


def take(
    rule: Rule, watch: Watch | None, value: Value, now_ms: int, window_ms: int | None = None
) -> tuple[Watch | None, Outcome]:
    """Take in a reading.

    Args:
        rule: The rule.
        watch: What it remembers of the subject; ``None`` if nothing.
        value: What was read.
        now_ms: When it was read.
        window_ms: Start of the window that it is of: the same window again, corrected, counts once, and one
            before the latest that was read, which a late label has changed, not at all.

    Returns:
        What it remembers now, and what follows for the alert.
    """
    if watch is not None and value is not None and _is_older(window_ms, watch):
        return watch, "nothing"
    if watch is not None and watch.phase == "open":
        if holds(rule, value, is_open=True):
            return replace(watch, window_ms=window_ms), "held"
        return _closed(rule, now_ms), "close"
    if not holds(rule, value):
        return _quiet(rule, watch, now_ms), "nothing"
    return ripen(rule, _counted(watch, now_ms, window_ms), now_ms)


def ripen(rule: Rule, watch: Watch, now_ms: int) -> tuple[Watch, Outcome]:
    """Open a pending watch if its time has come."""
    due = due_ms(rule, watch)
    if due is None or due > now_ms:
        return watch, "nothing"
    return replace(watch, phase="open"), "open"


def due_ms(rule: Rule, watch: Watch) -> int | None:
    """Return when a watch opens if nothing else is read; ``None``: not by itself."""
    if watch.phase != "pending" or watch.windows < rule.windows:
        return None
    return max(watch.since_ms + 1000 * rule.for_s, _cool_ms(rule, watch))


def _is_older(window_ms: int | None, watch: Watch) -> bool:
    return window_ms is not None and watch.window_ms is not None and window_ms < watch.window_ms


def _counted(watch: Watch | None, now_ms: int, window_ms: int | None) -> Watch:
    if watch is None or watch.phase == "cooling":
        return Watch("pending", 1, now_ms, window_ms, watch.closed_ms if watch else None)
    is_new = window_ms is None or window_ms != watch.window_ms
    return replace(watch, windows=watch.windows + 1, window_ms=window_ms) if is_new else watch


def _quiet(rule: Rule, watch: Watch | None, now_ms: int) -> Watch | None:
    """Forget the readings, and the closing once it has cooled down."""
    if watch is None or watch.closed_ms is None or _cool_ms(rule, watch) <= now_ms:
        return None
    return Watch("cooling", closed_ms=watch.closed_ms)


def _closed(rule: Rule, now_ms: int) -> Watch | None:
    return Watch("cooling", closed_ms=now_ms) if rule.cool_down_s else None


def _cool_ms(rule: Rule, watch: Watch) -> int:
    return (watch.closed_ms or 0) + 1000 * rule.cool_down_s if watch.closed_ms is not None else 0
