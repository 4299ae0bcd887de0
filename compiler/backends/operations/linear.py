"""Sums of products."""

from compiler.backends.operations.emission import Emission, doubles, operation_for, require_finite
from compiler.ir.fusion import MAX_DOT_WIDTH
from compiler.ir.nodes import Linear
from device_contract.plan.format import Kind, Operation


@operation_for.register
def _(node: Linear, emission: Emission) -> list[Operation]:
    require_finite("coefficients", node.weights, node.center, node.base)
    if len(node.base) <= MAX_DOT_WIDTH:
        tables = (doubles(node.weights), doubles(node.center), doubles(node.base))
        return [Operation(Kind.DOT, emission.output, emission.inputs[0], tables=tables)]
    tables = (emission.values(node.weights.T), b"", emission.values(node.base))
    return [Operation(Kind.DENSE, emission.output, emission.inputs[0], tables=tables)]
