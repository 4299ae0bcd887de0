"""Sums of products."""

import numpy as np

from compiler.backends.operations.emission import Emission, doubles, operation_for, require_finite
from compiler.ir.fusion import MAX_DOT_WIDTH
from compiler.ir.nodes import Linear
from device_contract.plan.format import Kind, Operation


@operation_for.register
def _(node: Linear, emission: Emission) -> list[Operation]:
    require_finite("coefficients", node.weights, node.center, node.base)
    source = emission.inputs[0]
    # A dot sums in float64: a network's last layer, of few outputs, stays in float32 with the others.
    fits_dense = emission.single_precision and not source.of_row and not node.center.any()
    if len(node.base) <= MAX_DOT_WIDTH and not fits_dense:
        rows = emission.reference
        mean = b"" if rows is None else doubles(np.nan_to_num(np.nanmean(rows, axis=0, dtype=np.float64)))
        tables = (doubles(node.weights), doubles(node.center), doubles(node.base), mean)
        return [Operation(Kind.DOT, emission.output, source, tables=tables)]
    tables = (emission.values(node.weights.T), b"", emission.values(node.base))
    return [Operation(Kind.DENSE, emission.output, source, tables=tables)]
