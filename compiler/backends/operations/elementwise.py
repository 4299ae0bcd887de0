"""Functions of each number, of pairs, and over ranges; and the links of classifiers."""

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
    if not node.rounds or emission.single_precision:
        return [operation]
    return [operation, Operation(Kind.MAP, output, output, function=Function.TO_FLOAT32)]


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
