"""What the server reads out of a plan to explain it: a matrix, or trees. Pure.

Only plans whose scores come from one operation that reads the whole row, and of which all that
follows is a link (a function of the raw scores): what is explained are the raw scores, as
``PlanScorer.explain_into`` does. The plan has passed the scorer's check before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from device_contract.plan.format import HEADER, OF_ROW, OPERATION, TREE, Kind
from fleet_server.sampling.boxes import Boxes

LINKS: Final = {Kind.MAP, Kind.MAP_CONSTANT, Kind.BINARY_SIGMOID, Kind.SOFTMAX, Kind.SIGMOID_NORMALIZED}
_NARROW: Final = np.dtype([("threshold", "<f4"), ("feature", "<u2"), ("left", "<u2")])
_WIDE: Final = np.dtype([("threshold", "<f4"), ("feature", "<u4"), ("left", "<u4")])
_LEAF_MASK: Final = 0x003FFFFF

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Matrix:
    """``base + weights @ row``.

    Attributes:
        weights: (n_scores, n_features).
        base: (n_scores,), with what a center takes away.
    """

    weights: Floats
    base: Floats


@dataclass(frozen=True)
class _Operation:
    kind: int
    input: int
    input_width: int
    output_width: int
    sizes: tuple[int, ...]
    divisor: float
    tables: tuple[int, ...]


def read_model(plan: bytes, n_features: int) -> Matrix | Boxes | None:
    """Return what a plan's raw scores are made by; None where it is neither a matrix nor trees.

    Args:
        plan: A sound plan.
        n_features: Of the plan.
    """
    operations = [operation for operation in _operations(plan) if operation.kind != Kind.REFUSE_MISSING]
    first, *links = operations
    if not (first.input == OF_ROW and first.input_width == n_features and all(link.kind in LINKS for link in links)):
        return None
    if first.kind == Kind.DOT:
        return _matrix(plan, first)
    return _boxes(plan, first) if first.kind in {Kind.TREES, Kind.WIDE_TREES} else None


def has_link(plan: bytes) -> bool:
    """Tell whether the outputs are a function of the raw scores."""
    return any(operation.kind in LINKS for operation in _operations(plan))


def _operations(plan: bytes) -> Iterator[_Operation]:
    count = HEADER.unpack_from(plan)[4]
    for index in range(count):
        fields = OPERATION.unpack_from(plan, HEADER.size + index * OPERATION.size)
        yield _Operation(fields[0], fields[2], fields[3], fields[7], fields[8:16], fields[16], fields[20:28])


def _matrix(plan: bytes, operation: _Operation) -> Matrix:
    n, width = operation.input_width, operation.output_width
    weights = _table(plan, operation.tables[0], "<f8", n * width).reshape(width, n)
    center, base = _table(plan, operation.tables[1], "<f8", n), _table(plan, operation.tables[2], "<f8", width)
    return Matrix(weights, base - weights @ center)


def _boxes(plan: bytes, operation: _Operation) -> Boxes:
    leaf_width, n_trees, n_nodes, n_leaves = operation.sizes[:4]
    nodes = _table(plan, operation.tables[2], _NARROW if operation.kind == Kind.TREES else _WIDE, n_nodes)
    leaves = _table(plan, operation.tables[4], "<f8", n_leaves * leaf_width).reshape(n_leaves, leaf_width)
    bits = _table(plan, operation.tables[3], "u1", (n_nodes + 7) // 8) if operation.tables[3] else None
    to_first = np.unpackbits(bits, bitorder="little").astype(bool) if bits is not None else np.zeros(n_nodes, bool)
    collector = _Collector(operation.output_width)
    for index in range(n_trees):
        first_node, _, first_leaf, output = TREE.unpack_from(plan, operation.tables[1] + index * TREE.size)
        for at, sides in _walk(nodes[first_node:], to_first[first_node:]):
            row = first_leaf + (int(nodes["threshold"].view("<u4")[first_node + at]) & _LEAF_MASK)
            collector.add(output, leaves[row], sides)
    base = _table(plan, operation.tables[0], "<f8", operation.output_width)
    return collector.boxes(base / operation.divisor, operation.divisor)


_Side = tuple[float, float, bool]
_Sides = dict[int, _Side]


def _walk(nodes: Any, to_first: NDArray[np.bool_]) -> Iterator[tuple[int, _Sides]]:  # noqa: ANN401  (structured)
    """Yield each leaf of a tree, with the sides of its box by feature."""
    waiting: list[tuple[int, _Sides]] = [(0, {})]
    while waiting:
        at, sides = waiting.pop()
        threshold, feature, left = nodes[at].item()
        if left == at:
            yield at, sides
            continue
        low, high, missing = sides.get(feature, (np.nan, np.nan, True))
        goes_first = bool(to_first[at])
        below = (low, float(np.fmin(high, threshold)), missing and goes_first)
        above = (float(np.fmax(low, threshold)), high, missing and not goes_first)
        waiting += [(left, sides | {feature: below}), (left + 1, sides | {feature: above})]


class _Collector:
    """Gathers leaves and their sides."""

    def __init__(self, n_scores: int) -> None:
        self._n_scores = n_scores
        self._values: list[Floats] = []
        self._sides: list[tuple[int, int, float, float, bool]] = []

    def add(self, output: int, values: Floats, sides: _Sides) -> None:
        placed = np.zeros(self._n_scores)
        placed[output : output + len(values)] = values
        self._sides += [(len(self._values), feature, *side) for feature, side in sides.items()]
        self._values.append(placed)

    def boxes(self, base: Floats, divisor: float) -> Boxes:
        columns = list(zip(*self._sides, strict=True)) or [()] * 5
        leaf, feature, low, high, missing = columns
        return Boxes(
            base=base,
            divisor=divisor,
            values=np.array(self._values),
            leaf=np.array(leaf, np.intp),
            feature=np.array(feature, np.intp),
            low=np.array(low, np.float32),
            high=np.array(high, np.float32),
            missing=np.array(missing, bool),
        )


def _table(plan: bytes, offset: int, dtype: Any, count: int) -> Any:  # noqa: ANN401  (of the dtype)
    return np.frombuffer(plan, dtype, count, offset)
