"""What a source is, and how one is found by its name."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol
from urllib.parse import parse_qsl

from edge_agent.errors import SourceError
from edge_agent.lines import Item

ENTRY_POINT_GROUP: Final = "leeway.sources"
_BUILT_IN: Final = {
    "stdin": "edge_agent.sources.stdin",
    "replay": "edge_agent.sources.replay",
    "mqtt": "edge_agent.sources.mqtt_topic",
}


@dataclass(frozen=True)
class BadRow:
    """A row that the source could not read.

    Attributes:
        reason: The counter that it adds to.
        detail: What is wrong, for the log.
    """

    reason: str
    detail: str


class Source(Protocol):
    """Gives rows until it ends or is stopped."""

    @property
    def is_live(self) -> bool:
        """Whether rows come as they are measured; a source that is not is held until a model is active."""

    def read(self, stop: threading.Event) -> Iterator[Item | BadRow]:
        """Yield rows, and what is said beside them; returns soon after ``stop`` is set, if it is not waiting for input.

        Raises:
            SourceError: The source cannot be read.
        """


def open_source(text: str) -> Source:
    """Open a source by its name.

    Args:
        text: ``kind[:address][?option=value&...]``.

    Raises:
        SourceError: There is no such kind, or its address or options are wrong.
    """
    place, _, query = text.partition("?")
    kind, _, address = place.partition(":")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise SourceError(f"source {text!r}: options read name=value&name=value") from error
    return _find(kind)(address, options)


def take_options(options: Mapping[str, str], known: set[str]) -> None:
    """Refuse options that a source does not know.

    Raises:
        SourceError: There is one.
    """
    unknown = sorted(set(options) - known)
    if unknown:
        raise SourceError(
            f"no such option of the source: {unknown[0]!r}; there are: {', '.join(sorted(known)) or 'none'}"
        )


def _find(kind: str) -> Callable[[str, Mapping[str, str]], Source]:
    if kind in _BUILT_IN:
        built_in: Callable[[str, Mapping[str, str]], Source] = import_module(_BUILT_IN[kind]).open_source
        return built_in
    from importlib.metadata import entry_points  # noqa: PLC0415  (1 MB that the built-in sources do not need)

    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if kind not in found:
        raise SourceError(f"no source {kind!r}; there are: {', '.join([*_BUILT_IN, *sorted(found)])}")
    try:
        opener: Callable[[str, Mapping[str, str]], Source] = found[kind].load()
    except Exception as error:  # a package raises whatever it meets
        raise SourceError(f"source {kind!r} cannot be loaded: {type(error).__name__}: {error}") from error
    return opener
