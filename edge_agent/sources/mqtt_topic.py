"""``mqtt:HOST:PORT/TOPIC``: NDJSON rows from a topic of a local broker, one a message."""

import threading
from collections.abc import Iterator, Mapping
from typing import Final

from edge_agent.errors import SourceError
from edge_agent.lines import Item
from edge_agent.mqtt import read_topic
from edge_agent.sources.source import BadRow, take_options
from edge_agent.sources.stdin import read_row

MAX_WAITING_ROWS: Final = 10_000


class TopicSource:
    """Rows from a topic.

    Args:
        host: The local broker, without TLS.
        port: Its port.
        topic: A topic or a filter.
    """

    is_live = True

    def __init__(self, host: str, port: int, topic: str) -> None:
        self._host = host
        self._port = port
        self._topic = topic

    def read(self, stop: threading.Event) -> Iterator[Item | BadRow]:
        """Yield a row a message.

        Raises:
            SourceError: The broker cannot be reached at the start.
        """
        try:
            for payload in read_topic(self._host, self._port, self._topic, stop, MAX_WAITING_ROWS):
                yield read_row(payload)
        except OSError as error:
            raise SourceError(f"cannot reach the local broker {self._host}:{self._port}: {error}") from error


def open_source(address: str, options: Mapping[str, str]) -> TopicSource:
    """Open a topic.

    Raises:
        SourceError: The address does not read ``HOST:PORT/TOPIC``, or the topic is none.
    """
    take_options(options, set())
    place, _, topic = address.partition("/")
    host, _, port = place.rpartition(":")
    if not (host and topic and port.isdigit() and 0 < int(port) < 65_536):  # noqa: PLR2004  (TCP's ports)
        raise SourceError(f"source mqtt reads mqtt:HOST:PORT/TOPIC, not {address!r}")
    if not _is_filter(topic):
        raise SourceError(f"source mqtt: {topic!r} is no topic: '#' stands alone at the end, '+' alone between slashes")
    return TopicSource(host, int(port), topic)


def _is_filter(topic: str) -> bool:
    levels = topic.split("/")
    return "#" not in levels[:-1] and all(level in {"#", "+"} or not {"#", "+"} & set(level) for level in levels)
