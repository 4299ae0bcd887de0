"""The plan's layout: dataclasses for its operations, and the one writer of its bytes.

The layout is that of ``kernels.h``; the page is ``docs/formats/plan.md``. Tables are given
as bytes, already in the layout's order, so that this house needs no numpy.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

MAGIC: Final = b"LEEWAYPL"
VERSION: Final = 1
ALIGNMENT: Final = 64
"""Every table starts at a multiple of this, counted from the start of the plan."""
MAX_FEATURES: Final = 65_535
MAX_NARROW_NODES: Final = 65_536
"""Nodes of one tree that 16-bit children can reach."""
MAX_LEAVES: Final = 1 << 22
"""Distinct leaves of one tree: what the low bits of a quiet NaN can count."""
QUIET_NAN_BITS: Final = 0x7FC00000
MAX_PLAN_BYTES: Final = 1 << 32
"""Offsets are 32 bits wide."""

HEADER: Final = struct.Struct("<8sIIIIQ32x")
OPERATION: Final = struct.Struct("<6Id8I")
TREE: Final = struct.Struct("<4I")

Link = Literal["exponential", "binary_sigmoid", "softmax", "sigmoid_normalized"]
LINK_KINDS: Final[dict[Link, int]] = {"exponential": 4, "binary_sigmoid": 5, "softmax": 6, "sigmoid_normalized": 7}


@dataclass(frozen=True)
class LinearOperation:
    """``scores[k] += base[k] + sum_i weights[k, i] * (row[i] - center[i])``.

    Attributes:
        n_scores: Number of scores, k.
        weights: float64 (n_scores, n_features).
        center: float64 (n_features,).
        base: float64 (n_scores,).
    """

    kind: ClassVar[int] = 1
    n_scores: int
    weights: bytes
    center: bytes
    base: bytes


@dataclass(frozen=True)
class TreeTable:
    """Where one tree lies in its operation's tables."""

    first_node: int
    n_nodes: int
    first_leaf: int
    output: int
    """The leaf's values are added to the scores from this one on."""


@dataclass(frozen=True)
class TreesOperation:
    """``scores = (scores + base + each tree's leaf) / divisor``.

    Attributes:
        wide: Nodes of 12 bytes instead of 8.
        width: Values of a leaf.
        n_nodes: Nodes of all trees.
        n_leaves: Rows of ``values``.
        divisor: What the sum is divided by; the number of trees where they are averaged.
        base: float64 (n_scores,).
        trees: The trees, one after the other.
        nodes: ``leeway_node`` or ``leeway_wide_node`` (n_nodes,).
        missing: One bit for each node, lowest first: NaN goes to the first child. Empty
            where the model refuses NaN: then a row with NaN has NaN scores.
        values: float64 (n_leaves, width).
    """

    wide: bool
    width: int
    n_nodes: int
    n_leaves: int
    divisor: float
    base: bytes
    trees: tuple[TreeTable, ...]
    nodes: bytes
    missing: bytes
    values: bytes

    @property
    def kind(self) -> int:
        """Number of this operation in the file."""
        return 3 if self.wide else 2


@dataclass(frozen=True)
class LinkOperation:
    """What turns raw scores into the model's outputs; always the last operation."""

    link: Link

    @property
    def kind(self) -> int:
        """Number of this operation in the file."""
        return LINK_KINDS[self.link]


Operation = LinearOperation | TreesOperation | LinkOperation


def write_plan(n_features: int, n_outputs: int, operations: tuple[Operation, ...]) -> bytes:
    """Write a plan; the same operations give the same bytes.

    Raises:
        ValueError: The plan would be larger than its offsets reach.
    """
    tables = _Tables(HEADER.size + OPERATION.size * len(operations))
    records = b"".join(_record(operation, tables) for operation in operations)
    if tables.size > MAX_PLAN_BYTES:
        raise ValueError(f"the plan would have {tables.size} bytes, limit {MAX_PLAN_BYTES}")
    header = HEADER.pack(MAGIC, VERSION, n_features, n_outputs, len(operations), tables.size)
    return b"".join((header, records, *tables.parts))


class _Tables:
    """The tables behind the operations, each on its alignment."""

    def __init__(self, start: int) -> None:
        self.size = start
        self.parts: list[bytes] = []

    def add(self, table: bytes) -> int:
        """Append a table; returns its offset."""
        padding = -self.size % ALIGNMENT
        offset = self.size + padding
        self.parts += [bytes(padding), table]
        self.size = offset + len(table)
        return offset


def _record(operation: Operation, tables: _Tables) -> bytes:
    if isinstance(operation, LinearOperation):
        offsets = [tables.add(table) for table in (operation.weights, operation.center, operation.base)]
        return OPERATION.pack(operation.kind, operation.n_scores, 0, 0, 0, 0, 1.0, *offsets, 0, 0, 0, 0, 0)
    if isinstance(operation, TreesOperation):
        return _trees_record(operation, tables)
    return OPERATION.pack(operation.kind, 0, 0, 0, 0, 0, 1.0, *(0,) * 8)


def _trees_record(operation: TreesOperation, tables: _Tables) -> bytes:
    rows = (TREE.pack(tree.first_node, tree.n_nodes, tree.first_leaf, tree.output) for tree in operation.trees)
    base = tables.add(operation.base)
    trees = tables.add(b"".join(rows))
    nodes = tables.add(operation.nodes)
    missing = tables.add(operation.missing) if operation.missing else 0
    values = tables.add(operation.values)
    counts = (operation.width, len(operation.trees), operation.n_nodes, operation.n_leaves)
    return OPERATION.pack(operation.kind, *counts, 0, operation.divisor, 0, 0, base, trees, nodes, missing, values, 0)
