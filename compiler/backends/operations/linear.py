"""Sums of products."""

import numpy as np

from compiler.backends.operations.emission import Emission, doubles, operation_for, require_finite
from compiler.ir.fusion import MAX_DOT_WIDTH
from compiler.ir.nodes import Linear
from device_contract.plan.format import Function, Kind, Operation


@operation_for.register
def _(node: Linear, emission: Emission) -> list[Operation]:
    require_finite("coefficients", node.weights, node.center, node.base)
    source = emission.inputs[0]
    # A dot sums in float64: a network's last layer, of few outputs, stays in float32 with the others.
    fits_dense = emission.single_precision and not source.of_row and not node.center.any()
    if len(node.base) <= MAX_DOT_WIDTH and not fits_dense:
        tables = (doubles(node.weights), doubles(node.center), doubles(node.base), *_reference(emission))
        return [Operation(Kind.DOT, emission.output, source, tables=tables)]
    return [
        Operation(
            Kind.DENSE,
            emission.output,
            source,
            function=Function.RELU if node.rectified else 0,
            tables=(emission.values(node.weights.T), b"", emission.values(node.base)),
        )
    ]


def _reference(emission: Emission) -> tuple[bytes, ...]:
    """Return the mean of the rows to explain scores by, if there are any."""
    if emission.reference is None:
        return ()
    present = np.ma.masked_invalid(emission.reference.astype(np.float64))
    return (doubles(present.mean(axis=0).filled(0.0)),)
