"""Piecewise polynomials, and the weighted median."""

from itertools import accumulate

import numpy as np

from compiler.backends.operations.emission import Emission, doubles, indices, operation_for, require_finite
from compiler.errors import UnsupportedModelError
from compiler.ir.piecewise import Piecewise
from compiler.ir.weighted_median import WeightedMedian
from device_contract.plan.format import MAX_DEGREE, MAX_MEDIAN, Kind, Operation


@operation_for.register
def _(node: Piecewise, emission: Emission) -> list[Operation]:
    knots = np.concatenate([piece.knots for piece in node.pieces])
    origins = np.concatenate([piece.origins for piece in node.pieces])
    coefficients = np.concatenate([piece.coefficients for piece in node.pieces])
    _, functions, terms = coefficients.shape
    if terms > MAX_DEGREE + 1 or emission.single_precision:
        raise UnsupportedModelError(f"polynomials of degree {terms - 1} are not ones that this plan can express")
    require_finite("knots and levels", origins, coefficients[~np.isnan(coefficients)])
    starts = tuple(accumulate((len(piece.knots) for piece in node.pieces), initial=0))
    return [
        Operation(
            Kind.PIECEWISE,
            emission.output,
            emission.inputs[0],
            sizes=(functions, terms - 1, len(knots)),
            # A table of no knots still has a place.
            tables=(indices(starts), doubles(knots) or bytes(8), doubles(origins), doubles(coefficients)),
        )
    ]


@operation_for.register
def _(node: WeightedMedian, emission: Emission) -> list[Operation]:
    if len(node.weights) > MAX_MEDIAN or emission.single_precision:
        raise UnsupportedModelError(f"a median of {len(node.weights)} numbers is not one that this plan can express")
    require_finite("weights", node.weights)
    tables = (doubles(node.weights),)
    return [Operation(Kind.WEIGHTED_MEDIAN, emission.output, emission.inputs[0], tables=tables)]
