"""The reader that hands amqtt one packet after another."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.broker.framing import FramedReader, OversizedPacketError, SilentClientError, TruncatedPacketError


def _packet(body: bytes) -> bytes:
    length, encoded = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        encoded += bytes([digit | (0x80 if length else 0)])
        if not length:
            return b"\x30" + encoded + body


def _reader(stream: bytes, limit: int = 1 << 20) -> FramedReader:
    source = asyncio.StreamReader()
    source.feed_data(stream)
    source.feed_eof()
    return FramedReader(source, max_packet_bytes=limit, idle_s=1.0, on_oversized=lambda: None)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.lists(st.integers(1, 50), min_size=1, max_size=7))
def test_what_goes_in_comes_out(bodies: list[bytes], sizes: list[int]) -> None:
    packets = [_packet(body) for body in bodies]

    async def run() -> bytes:
        reader = _reader(b"".join(packets))
        return b"".join([await _read_packet(reader, len(packet), sizes) for packet in packets])

    assert asyncio.run(run()) == b"".join(packets)


async def _read_packet(reader: FramedReader, length: int, sizes: list[int]) -> bytes:
    """Read as amqtt does: the first byte by itself, then pieces within the packet."""
    out = await reader.read(1)
    while len(out) < length:
        out += await reader.read(min(sizes[len(out) % len(sizes)], length - len(out)))
    return out


def test_all_that_is_left_ends_with_the_packet() -> None:
    async def run() -> bytes:
        reader = _reader(_packet(b"one") + _packet(b"two"))
        return await reader.read(1) + await reader.read(-1)

    assert asyncio.run(run()) == _packet(b"one")


@pytest.mark.parametrize("read_before", [2, 5], ids=["within", "at the end"])
def test_no_read_goes_past_its_packet(read_before: int) -> None:
    async def run() -> None:
        reader = _reader(_packet(b"one") + _packet(b"two"))
        await _read_packet(reader, read_before, [1])
        await reader.read(4)

    with pytest.raises(TruncatedPacketError, match=f"4 bytes wanted, {5 - read_before} left"):
        asyncio.run(run())


def test_a_large_packet_is_refused_by_its_header() -> None:
    async def run() -> None:
        await _reader(b"\x30\xff\xff\xff\x7f", limit=100).read(1)

    with pytest.raises(OversizedPacketError, match="268435455 bytes, limit 100"):
        asyncio.run(run())


def test_silence_ends() -> None:
    async def run() -> None:
        reader = FramedReader(asyncio.StreamReader(), max_packet_bytes=100, idle_s=0.01, on_oversized=lambda: None)
        await reader.read(1)

    with pytest.raises(SilentClientError):
        asyncio.run(run())
