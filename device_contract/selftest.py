"""Self-test vectors: rows and the scores that the compiler proved for them.

MessagePack array; numbers as packed little-endian bytes so that NaN and infinities
survive and a device needs no numpy to read them.
"""

import array
import sys
from typing import Literal

import msgspec

from device_contract.errors import BundleError

MAX_SELF_TEST_BYTES = 16 << 20


class SelfTestVectors(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Golden rows and scores.

    Attributes:
        inputs: float32, little-endian, (n_rows, n_features), row by row.
        outputs: float64, little-endian, (n_rows, n_outputs), row by row.
    """

    schema_version: Literal[1] = 1
    n_rows: int
    n_features: int
    n_outputs: int
    inputs: bytes
    outputs: bytes

    def rows(self) -> "list[array.array[float]]":
        """Return each input row as a float32 array of ``n_features`` values."""
        return _split("f", self.inputs, self.n_features)

    def expected(self) -> "list[array.array[float]]":
        """Return each row's scores as a float64 array of ``n_outputs`` values."""
        return _split("d", self.outputs, self.n_outputs)


def decode_self_test(data: bytes | memoryview) -> SelfTestVectors:
    """Decode self-test vectors.

    Raises:
        BundleError: The bytes are oversized, malformed, or the sizes do not agree.
    """
    if len(data) > MAX_SELF_TEST_BYTES:
        raise BundleError(f"self-test has {len(data)} bytes, limit {MAX_SELF_TEST_BYTES}")
    try:
        vectors = msgspec.msgpack.decode(data, type=SelfTestVectors)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"malformed self-test: {error}") from error
    sizes = (vectors.n_rows, vectors.n_features, vectors.n_outputs)
    right_inputs = len(vectors.inputs) == 4 * vectors.n_rows * vectors.n_features
    right_outputs = len(vectors.outputs) == 8 * vectors.n_rows * vectors.n_outputs
    if min(sizes) < 1 or not (right_inputs and right_outputs):
        raise BundleError(f"self-test's numbers do not fit {sizes} (rows, features, outputs)")
    return vectors


def _split(code: str, data: bytes, width: int) -> "list[array.array[float]]":
    values: array.array[float] = array.array(code)
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return [values[start : start + width] for start in range(0, len(values), width)]
