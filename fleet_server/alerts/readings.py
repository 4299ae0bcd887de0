"""What alert rules are about: readings of signals, from whoever knows them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fleet_server.alerts.language import Rule
from fleet_server.alerts.rules import Value


@dataclass(frozen=True)
class Signal:
    """Something that rules may watch."""

    name: str
    """Its name, or, with ``*`` at the end, how its names begin."""
    meaning: str
    """With the unit."""

    def covers(self, name: str) -> bool:
        """Tell whether this is the signal of that name."""
        return _covers(self.name, name)

    @property
    def kind(self) -> str:
        """The kind of its readings, or, with ``*`` at the end, how their kinds begin."""
        return _kind_of(self.name)

    def covers_kind(self, kind: str) -> bool:
        """Tell whether its readings may be of this kind."""
        return _covers(self.kind, kind)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The value of a signal at a time, of one subject."""

    signal: str
    subject: str
    """What it is of, in one line: a rule has one alert for each subject."""
    value: Value
    time_ms: int
    """When the server came to know it; Unix milliseconds."""
    sentence: str
    """The same in words, for people."""
    window_ms: int | None = None
    """Start of the window that it is of, if it is of one; event time."""
    device_id: str | None = None
    model: str | None = None
    version: str | None = None
    deployment_id: str | None = None
    features: Sequence[str] = ()
    """The streams concerned, the most severe first."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON."""

    @property
    def kind(self) -> str:
        """What it is about, in a word: ``peers`` for ``drift.peers``."""
        return _kind_of(self.signal)


@dataclass(frozen=True)
class Batch:
    """Some readings, and where to go on."""

    readings: Sequence[Reading]
    ordinal: int
    """What the source is given next time; stored in the transaction that takes the readings in."""
    more: bool = False
    """Whether the source has more to tell at once."""


class Source(Protocol):
    """Whoever knows the values of some signals."""

    @property
    def name(self) -> str:
        """A word of its own, under which its place is kept."""

    @property
    def signals(self) -> Sequence[Signal]:
        """What it can tell."""

    def read(self, after: int, signals: Collection[str]) -> Batch:
        """Tell what is new.

        Args:
            after: The ``ordinal`` of the batch before; 0 at first.
            signals: Names that rules watch, of those that the source covers.
        """


def is_in_scope(rule: Rule, reading: Reading, labels: Mapping[str, str]) -> bool:
    """Tell whether a rule is about a reading's subject.

    Args:
        rule: The rule; scopes that it leaves out cover all.
        reading: The reading.
        labels: Those of the reading's device; none if it is of none.
    """
    if rule.model is not None and rule.model != reading.model:
        return False
    if rule.device_id is not None and rule.device_id != reading.device_id:
        return False
    return all(labels.get(key) == value for key, value in rule.labels.items())


def _covers(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _kind_of(signal: str) -> str:
    return signal.removeprefix("drift.")
