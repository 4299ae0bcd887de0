"""Nodes that move numbers."""

import dataclasses

from compiler.backends.operations.emission import Emission, indices, operation_for
from compiler.ir.nodes import Concatenate, Constant, Float32, Load, RefuseMissing, Select
from device_contract.plan.format import Kind, Operation, Range


@operation_for.register
def _(_: Load, emission: Emission) -> list[Operation]:
    return [Operation(Kind.LOAD, emission.output, emission.inputs[0])]


@operation_for.register
def _(_: RefuseMissing, emission: Emission) -> list[Operation]:
    return [Operation(Kind.REFUSE_MISSING, Range(0, 0), emission.inputs[0])]


@operation_for.register
def _(node: Constant, emission: Emission) -> list[Operation]:
    return [Operation(Kind.CONSTANT, emission.output, tables=(emission.values(node.values),))]


@operation_for.register
def _(node: Select, emission: Emission) -> list[Operation]:
    kind = Kind.LOAD if emission.inputs[0].of_row else Kind.GATHER
    return [Operation(kind, emission.output, emission.inputs[0], tables=(indices(node.indices),))]


@operation_for.register
def _(_: Concatenate, emission: Emission) -> list[Operation]:
    operations, first = [], emission.output.first
    for part in emission.inputs:
        output = dataclasses.replace(part, first=first)
        operations.append(Operation(Kind.GATHER, output, part, tables=(indices(range(part.width)),)))
        first += part.width
    return operations


@operation_for.register
def _(_: Float32, emission: Emission) -> list[Operation]:
    return [Operation(Kind.FLOAT32, emission.output, emission.inputs[0])]
