"""Distances, the nearest of them, and what those vote for."""

import numpy as np

from compiler.backends.operations.emission import Emission, operation_for, require_finite
from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Coupling, Distance, Nearest, SumRows
from compiler.ir.nodes import Floats
from device_contract.plan.format import MAX_COUPLED, MAX_NEAREST, NOTHING, TILE_POINTS, Kind, Operation


@operation_for.register
def _(node: Distance, emission: Emission) -> list[Operation]:
    require_finite("points", node.points)
    tables = [emission.values(_tiles(node.points))]
    if node.weights is not None:
        require_finite("weights", node.weights)
        tables.append(emission.values(_tiles(node.weights)))
    return [
        Operation(
            Kind.DISTANCE,
            emission.output,
            emission.inputs[0],
            function=node.metric,
            parameters=(node.parameter,),
            tables=tuple(tables),
        )
    ]


def _tiles(points: Floats) -> Floats:
    """Return points as (tiles, coordinates, points of a tile), the last tile filled up with zeros."""
    filled = np.pad(points, ((0, -len(points) % TILE_POINTS), (0, 0)))
    return filled.reshape(-1, TILE_POINTS, points.shape[1]).transpose(0, 2, 1)


@operation_for.register
def _(node: Nearest, emission: Emission) -> list[Operation]:
    if node.count > MAX_NEAREST:
        raise UnsupportedModelError(f"the model asks for {node.count} neighbours, a plan finds at most {MAX_NEAREST}")
    return [Operation(Kind.NEAREST, emission.output, emission.inputs[0])]


@operation_for.register
def _(node: SumRows, emission: Emission) -> list[Operation]:
    weights = emission.inputs[1] if len(emission.inputs) > 1 else NOTHING
    sizes = (len(node.table), node.length or node.source.width)
    tables = (emission.values(node.table),)
    return [Operation(Kind.SUM_ROWS, emission.output, emission.inputs[0], weights, sizes=sizes, tables=tables)]


@operation_for.register
def _(node: Coupling, emission: Emission) -> list[Operation]:
    if node.n_classes > MAX_COUPLED:
        raise UnsupportedModelError(f"the model couples {node.n_classes} classes, a plan at most {MAX_COUPLED}")
    return [Operation(Kind.COUPLING, emission.output, emission.inputs[0], sizes=(node.n_classes,))]
