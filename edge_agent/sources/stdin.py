"""``stdin``: NDJSON on standard input, one row a line, scored as it comes."""

import threading
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from edge_agent.errors import RowRefusedError, SourceError
from edge_agent.lines import Item, parse_line
from edge_agent.rows import MAX_LINE_BYTES
from edge_agent.sources.source import BadRow, take_options


class LineSource:
    """Rows from the lines of a stream.

    Args:
        stream: Where the lines come from.
    """

    is_live = True

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, stop: threading.Event) -> Iterator[Item | BadRow]:
        """Yield a row a line; empty lines are passed over."""
        while not stop.is_set() and (line := self._line()):
            if line.strip():
                yield read_row(line)

    def _line(self) -> bytes:
        """Return the next line; of an endless one only so much that it is refused as too long."""
        line = self._stream.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            while (rest := self._stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
        return line


def read_row(line: bytes) -> Item | BadRow:
    """Read a line of NDJSON; a bad one is a value here, so that the stream goes on."""
    try:
        return parse_line(line)
    except RowRefusedError as error:
        return BadRow(error.reason, str(error))


def open_source(address: str, options: Mapping[str, str]) -> LineSource:
    """Open standard input.

    Raises:
        SourceError: There is an address or an option; it takes none.
    """
    take_options(options, set())
    if address:
        raise SourceError(f"source stdin takes no address, not {address!r}")
    # A file of its own: Python cannot end while a thread waits in sys.stdin.
    return LineSource(open(0, "rb", closefd=False))
