import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import BundleError
from device_contract.selftest import MAX_SELF_TEST_BYTES, SelfTestVectors, decode_self_test

GOLDEN = (Path(__file__).resolve().parent.parent / "golden" / "selftest" / "two-rows.msgpack").read_bytes()


def test_the_golden_self_test_is_written_byte_for_byte(example_vectors: SelfTestVectors) -> None:
    assert msgspec.msgpack.encode(example_vectors) == GOLDEN


def test_the_golden_self_test_still_reads() -> None:
    vectors = decode_self_test(GOLDEN)
    first, second = vectors.rows()
    assert first[0] == 1.5
    assert math.isnan(first[1])
    assert list(second) == [-0.25, math.inf]
    assert [list(scores) for scores in vectors.expected()] == [[0.75, 0.25], [1.0, 0.0]]


@given(st.integers(-2, 9), st.integers(-2, 9), st.integers(-2, 9))
def test_sizes_that_do_not_fit_are_refused(n_rows: int, n_features: int, n_outputs: int) -> None:
    sizes = {"n_rows": n_rows, "n_features": n_features, "n_outputs": n_outputs}
    changed = msgspec.structs.replace(decode_self_test(GOLDEN), **sizes)
    if (n_rows, n_features, n_outputs) in {(2, 2, 2), (1, 4, 4), (4, 1, 1)}:
        assert decode_self_test(msgspec.msgpack.encode(changed)) == changed
    else:
        with pytest.raises(BundleError, match="do not fit"):
            decode_self_test(msgspec.msgpack.encode(changed))


@given(st.integers(0, len(GOLDEN) - 1))
def test_a_truncated_self_test_is_refused(length: int) -> None:
    with pytest.raises(BundleError):
        decode_self_test(GOLDEN[:length])


@given(st.binary(max_size=256))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError):
        decode_self_test(data)


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_read_or_refused_never_worse(position: int, mask: int) -> None:
    mutated = bytearray(GOLDEN)
    mutated[position] ^= mask
    try:
        vectors = decode_self_test(bytes(mutated))
    except BundleError:
        return
    assert len(vectors.rows()) == len(vectors.expected()) == vectors.n_rows


def test_an_oversized_self_test_is_refused() -> None:
    with pytest.raises(BundleError, match="limit"):
        decode_self_test(bytes(MAX_SELF_TEST_BYTES + 1))
