"""The reader that hands amqtt one packet after another."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.broker.framing import FramedReader, OversizedPacketError, SilentClientError


def _packet(body: bytes) -> bytes:
    length, encoded = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        encoded += bytes([digit | (0x80 if length else 0)])
        if not length:
            return b"\x30" + encoded + body


def _read_all(stream: bytes, sizes: list[int], limit: int = 1 << 20) -> bytes:
    async def run() -> bytes:
        source = asyncio.StreamReader()
        source.feed_data(stream)
        source.feed_eof()
        reader = FramedReader(source, max_packet_bytes=limit, idle_s=1.0, on_oversized=lambda: None)
        out = b""
        while len(out) < len(stream):
            out += await reader.read(sizes[len(out) % len(sizes)])
        return out

    return asyncio.run(run())


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.lists(st.integers(1, 50), min_size=1, max_size=7))
def test_what_goes_in_comes_out(bodies: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(_packet(body) for body in bodies)
    assert _read_all(stream, sizes) == stream


def test_no_read_goes_past_its_packet() -> None:
    async def run() -> bytes:
        source = asyncio.StreamReader()
        source.feed_data(_packet(b"one") + _packet(b"two"))
        reader = FramedReader(source, max_packet_bytes=100, idle_s=1.0, on_oversized=lambda: None)
        return await reader.read(1000)

    assert asyncio.run(run()) == _packet(b"one")


def test_a_large_packet_is_refused_by_its_header() -> None:
    with pytest.raises(OversizedPacketError, match="268435455 bytes, limit 100"):
        _read_all(b"\x30\xff\xff\xff\x7f", [1], limit=100)


def test_silence_ends() -> None:
    async def run() -> None:
        reader = FramedReader(asyncio.StreamReader(), max_packet_bytes=100, idle_s=0.01, on_oversized=lambda: None)
        await reader.read(1)

    with pytest.raises(SilentClientError):
        asyncio.run(run())
