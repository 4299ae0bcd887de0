"""Reads MQTT packets whole, with a size limit and an idle limit.

amqtt reads as many bytes as a packet's header promises, up to 256 MB, and takes no
notice of a client that has gone silent. This reader sits between the socket and
amqtt: it hands over the bytes of one packet after another, and ends the connection
of a client that announces too large a packet, sends one that ends before its content
does, or stays silent for too long.
"""

import asyncio
from collections.abc import Callable

from amqtt.adapters import ReaderAdapter

_MAX_LENGTH_BYTES = 4


class OversizedPacketError(Exception):
    """A client announced a packet above the limit."""


class TruncatedPacketError(Exception):
    """A packet ended before what it announced."""


class SilentClientError(Exception):
    """A client sent nothing for longer than it had promised."""


class FramedReader(ReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """A stream of whole MQTT packets.

    Args:
        reader: The connection.
        max_packet_bytes: Largest packet, without its fixed header.
        idle_s: Seconds to wait for the next packet; ``None`` waits for ever.
        on_oversized: Told when a packet is too large, before the connection ends.

    Source: MQTT 3.1.1, section 2.2.3, Remaining Length.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        *,
        max_packet_bytes: int,
        idle_s: float | None,
        on_oversized: Callable[[], None],
    ) -> None:
        self.idle_s = idle_s
        self._reader = reader
        self._max_packet_bytes = max_packet_bytes
        self._on_oversized = on_oversized
        self._packet = b""
        self._position = 0

    async def read(self, n: int = -1) -> bytes:
        """Return ``n`` bytes of the current packet; all that is left of it for a negative ``n``.

        At the end of a packet one byte is the beginning of the next: so amqtt reads a header.

        Raises:
            asyncio.IncompleteReadError: The client closed the connection.
            OversizedPacketError: The next packet is too large.
            SilentClientError: No packet came in time.
            TruncatedPacketError: The current packet has fewer bytes left.
        """
        if n == 1 and self._position == len(self._packet):
            self._packet = await self.next_packet()
            self._position = 0
        end = len(self._packet) if n < 0 else self._position + n
        if end > len(self._packet):
            raise TruncatedPacketError(f"{n} bytes wanted, {len(self._packet) - self._position} left in the packet")
        data = self._packet[self._position : end]
        self._position = end
        return data

    def feed_eof(self) -> None:
        """End the stream."""
        self._reader.feed_eof()

    async def next_packet(self) -> bytes:
        """Return the next packet whole; its errors are those of ``read``."""
        try:
            return await asyncio.wait_for(self._read_packet(), self.idle_s)
        except TimeoutError as error:
            raise SilentClientError(f"no packet within {self.idle_s:g} s") from error

    async def _read_packet(self) -> bytes:
        header = await self._reader.readexactly(1)
        length = 0
        for place in range(_MAX_LENGTH_BYTES):
            digit = await self._reader.readexactly(1)
            header += digit
            length |= (digit[0] & 0x7F) << (7 * place)
            if digit[0] < 0x80:  # noqa: PLR2004  (the continuation bit)
                break
        if length > self._max_packet_bytes:
            self._on_oversized()
            raise OversizedPacketError(f"a packet of {length} bytes, limit {self._max_packet_bytes}")
        return header + await self._reader.readexactly(length)
