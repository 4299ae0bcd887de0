"""Which rows are drawn: by a keyed hash, each with the same chance, and the same whoever asks."""

import hashlib
import math
import struct
from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.samples import MAX_SAMPLED_ROWS, SampledRow
from edge_agent.sampling import MAX_ROWS_BYTES, RowHashes, RowSampler, in_messages, redact

KEY = b"0123456789abcdef"


def draw(numbers: list[int], size: int, key: bytes = KEY) -> list[int]:
    sampler = RowSampler(key, size)
    for number in numbers:
        sampler.offer(number, 1000 * number, array("f", (number, 0.5)), array("d", (-number,)))
    return [row.number for row in sampler.take()]


def test_a_hash_is_a_part_of_the_keyed_blake2b_of_the_number_s_block() -> None:
    hashes = RowHashes(KEY)
    for number in (0, 7, 8, 1_000_003):
        digest = hashlib.blake2b((number // 8).to_bytes(8, "little"), key=KEY, digest_size=64).digest()
        assert hashes.of(number) == struct.unpack("<8Q", digest)[number % 8]


@given(count=st.integers(0, 60), size=st.integers(1, 20), order=st.randoms(use_true_random=False))
def test_the_rows_of_the_smallest_hashes_are_drawn_in_whatever_order_they_come(
    count: int, size: int, order: st.DataObject
) -> None:
    numbers = list(range(count))
    hashes = RowHashes(KEY)
    expected = sorted(numbers, key=hashes.of)[:size]
    shuffled = list(numbers)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert draw(shuffled, size) == expected


@given(st.lists(st.integers(0, 200), unique=True), st.lists(st.integers(201, 400), unique=True), st.integers(1, 20))
def test_the_draws_of_two_windows_make_the_draw_of_both(first: list[int], second: list[int], size: int) -> None:
    hashes = RowHashes(KEY)
    both = sorted([*draw(first, size), *draw(second, size)], key=hashes.of)[:size]
    assert both == draw([*first, *second], size)


def test_every_row_has_the_same_chance() -> None:
    # 400 keys draw 5 of 40 rows: 50 times each are expected, with a standard deviation of 6.6.
    times = Counter(number for key in range(400) for number in draw(list(range(40)), 5, key.to_bytes(16, "little")))
    assert sum(times.values()) == 2000
    chi_square = sum((times[number] - 50) ** 2 / 50 for number in range(40))
    assert chi_square < 72.1  # the 99.9 % quantile of 39 degrees of freedom, which the draws are below of


def test_what_is_drawn_is_a_copy_and_is_taken_once() -> None:
    sampler = RowSampler(KEY, 1)
    row = array("f", (1.0, 2.0))
    sampler.offer(1, 5, row, array("d", (3.0,)))
    row[0] = 99.0
    (drawn,) = sampler.take()
    assert (drawn.time_ms, array("f", drawn.values).tolist(), array("d", drawn.outputs).tolist()) == (5, [1, 2], [3])
    assert sampler.take() == []


@pytest.mark.parametrize("explained", [0, 1, 3])
def test_redaction_takes_the_value_and_its_contributions_and_nothing_else(explained: int) -> None:
    contributions = array("f", range(3 * explained))
    row = SampledRow(
        row=7,
        time_ms=8,
        values=array("f", (1, 2, 3)).tobytes(),
        outputs=array("d", (4,)).tobytes(),
        contributions=contributions.tobytes(),
    )
    hidden = redact(row, [1], 3)
    assert [math.isnan(value) for value in array("f", hidden.values)] == [False, True, False]
    assert (hidden.row, hidden.time_ms, hidden.outputs) == (7, 8, row.outputs)
    left = array("f", hidden.contributions)
    assert [math.isnan(value) for value in left] == [place // explained == 1 for place in range(3 * explained)]
    assert redact(row, [], 3) == row


@given(widths=st.lists(st.integers(0, 20_000), max_size=40))
def test_messages_hold_what_fits_and_leave_no_row_out_that_fits(widths: list[int]) -> None:
    rows = [SampledRow(row=n, time_ms=0, values=bytes(width), outputs=b"") for n, width in enumerate(widths)]
    parts = in_messages([*rows, SampledRow(row=99, time_ms=0, values=bytes(MAX_ROWS_BYTES), outputs=b"")])
    assert [row for part in parts for row in part] == rows
    assert all(part and sum(len(row.values) for row in part) < MAX_ROWS_BYTES for part in parts)


def test_a_message_has_no_more_rows_than_it_may() -> None:
    rows = [SampledRow(row=n, time_ms=0, values=b"", outputs=b"") for n in range(MAX_SAMPLED_ROWS + 1)]
    assert [len(part) for part in in_messages(rows)] == [MAX_SAMPLED_ROWS, 1]
