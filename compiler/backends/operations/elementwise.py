"""Functions of each number, of pairs, and over ranges; and the links of classifiers."""

import numpy as np

from compiler.backends.operations.emission import Emission, operation_for
from compiler.ir.nodes import BinarySigmoid, Map, MapConstant, MapPair, Reduce, SigmoidNormalized, Softmax
from device_contract.plan.format import Function, Kind, Operation


@operation_for.register
def _(node: Map, emission: Emission) -> list[Operation]:
    return [Operation(Kind.MAP, emission.output, emission.inputs[0], function=node.function)]


@operation_for.register
def _(node: MapConstant, emission: Emission) -> list[Operation]:
    tables = (emission.values(node.constants),)
    output = emission.output
    operation = Operation(Kind.MAP_CONSTANT, output, emission.inputs[0], function=node.function, tables=tables)
    if emission.single_precision:
        return [operation, *_rest_subtracted(node, emission)]
    return (
        [operation, Operation(Kind.MAP, output, output, function=Function.TO_FLOAT32)] if node.rounds else [operation]
    )


def _rest_subtracted(node: MapConstant, emission: Emission) -> list[Operation]:
    """Subtract what float32 has left of the constants: without it a feature far from zero would be shifted."""
    rest = node.constants - node.constants.astype(np.float32)
    if node.function != Function.SUBTRACT or not rest.any():
        return []
    tables = (emission.values(rest),)
    return [
        Operation(Kind.MAP_CONSTANT, emission.output, emission.output, function=Function.SUBTRACT, tables=tables),
    ]


@operation_for.register
def _(node: MapPair, emission: Emission) -> list[Operation]:
    left, right = emission.inputs
    return [Operation(Kind.MAP_PAIR, emission.output, left, right, node.function)]


@operation_for.register
def _(node: Reduce, emission: Emission) -> list[Operation]:
    sizes = (node.length or node.source.width, node.inner)
    return [Operation(Kind.REDUCE, emission.output, emission.inputs[0], function=node.function, sizes=sizes)]


@operation_for.register
def _(_: BinarySigmoid, emission: Emission) -> list[Operation]:
    return [Operation(Kind.BINARY_SIGMOID, emission.output, emission.inputs[0])]


@operation_for.register
def _(_: Softmax, emission: Emission) -> list[Operation]:
    return [Operation(Kind.SOFTMAX, emission.output, emission.inputs[0])]


@operation_for.register
def _(_: SigmoidNormalized, emission: Emission) -> list[Operation]:
    return [Operation(Kind.SIGMOID_NORMALIZED, emission.output, emission.inputs[0])]
