"""Sums of products of weights of fewer bits."""

import numpy as np

from compiler.backends.operations.emission import Emission, operation_for, require_finite
from compiler.ir.quantized import QuantizedLinear
from device_contract.plan.format import Kind, Operation

_WORD_BYTES = 4


@operation_for.register
def _(node: QuantizedLinear, emission: Emission) -> list[Operation]:
    require_finite("coefficients", node.codes, node.scale, node.base)
    is_int8 = node.codes.dtype == np.int8
    return [
        Operation(
            Kind.DENSE_INT8 if is_int8 else Kind.DENSE_FLOAT16,
            emission.output,
            emission.inputs[0],
            tables=(_words(node), emission.values(node.scale), emission.values(node.base)),
        )
    ]


def _words(node: QuantizedLinear) -> bytes:
    """Return the codes as words, (inputs / those of a word, outputs), the first input in the lowest bits."""
    width, n_inputs = node.codes.shape
    of_word = _WORD_BYTES // node.codes.itemsize
    filled = np.pad(node.codes, ((0, 0), (0, -n_inputs % of_word)))
    words = filled.reshape(width, -1, of_word).transpose(1, 0, 2)
    return words.astype(node.codes.dtype.newbyteorder("<")).tobytes()
