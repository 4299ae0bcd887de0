"""The plan's layout: its operations as dataclasses, and the one writer of its bytes.

The layout is that of ``kernels.h``; the page is ``docs/formats/plan.md``. Tables are given
as bytes, already in the layout's order, so that this house needs no numpy.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAGIC: Final = b"LEEWAYPL"
VERSION: Final = 2
ALIGNMENT: Final = 64
"""Every table starts at a multiple of this, counted from the start of the plan."""
MAX_FEATURES: Final = 65_535
MAX_OUTPUTS: Final = 4096
MAX_OPERATIONS: Final = 65_536
MAX_VALUES: Final = 1 << 20
"""Values of the workspace for one row."""
MAX_NARROW_NODES: Final = 65_536
"""Nodes of one tree that 16-bit children can reach."""
MAX_LEAVES: Final = 1 << 22
"""Distinct leaves of one tree: what the low bits of a quiet NaN can count."""
QUIET_NAN_BITS: Final = 0x7FC00000
MAX_RANKED: Final = 256
"""Features that ranked trees can tell."""
MAX_RANKED_THRESHOLDS: Final = 254
"""Of one feature of ranked trees."""
MAX_RANKED_LEAVES: Final = 65_536
"""Distinct leaves of one ranked tree."""
TILE_POINTS: Final = 16
"""Points that lie together in the table of a distance."""
MAX_NEAREST: Final = 4096
"""Neighbours that one operation finds."""
MAX_COUPLED: Final = 256
"""Classes whose pairs one operation couples."""
MAX_DEGREE: Final = 15
"""Of piecewise polynomials."""
MAX_MEDIAN: Final = 4096
"""Numbers that one operation finds the median of."""
MAX_PLAN_BYTES: Final = 1 << 32
"""Offsets are 32 bits wide."""
OF_ROW: Final = 1 << 31
"""In an operation's input: columns of the row, not values of the workspace."""

HEADER: Final = struct.Struct("<8sIIIIQIII20x")
OPERATION: Final = struct.Struct("<8I8I4d8I")
TREE: Final = struct.Struct("<4I")


class Kind(IntEnum):
    """What an operation does; the words are those of ``kernels.h``."""

    LOAD = 1
    REFUSE_MISSING = 2
    CONSTANT = 3
    GATHER = 4
    MAP = 5
    MAP_CONSTANT = 6
    MAP_PAIR = 7
    REDUCE = 8
    DOT = 9
    DENSE = 10
    TREES = 11
    WIDE_TREES = 12
    FLOAT32 = 13
    BINARY_SIGMOID = 14
    SOFTMAX = 15
    SIGMOID_NORMALIZED = 16
    PIECEWISE = 20
    WEIGHTED_MEDIAN = 21
    DISTANCE = 30
    NEAREST = 31
    SUM_ROWS = 32
    COUPLING = 33
    CONVOLUTION = 40
    PAD = 41
    POOL = 42
    GRU = 43
    LSTM = 44
    RNN = 45
    CHOOSE = 46
    DENSE_INT8 = 70
    DENSE_FLOAT16 = 71
    RANKED_TREES = 72


class Function(IntEnum):
    """Functions of one value (below 64), or of a value ``x`` and another ``y``."""

    NEGATIVE = 1
    ABSOLUTE = 2
    SQUARE = 3
    SQUARE_ROOT = 4
    RECIPROCAL = 5
    EXPONENTIAL = 6
    LOGARITHM = 7
    LOGARITHM_1P = 8
    SIGMOID = 9
    TANH = 10
    RELU = 11
    COSINE = 12
    SINE = 13
    FLOOR = 14
    SIGN = 15
    IS_MISSING = 16
    ERROR_FUNCTION = 17
    SOFTPLUS = 18
    CEILING = 19
    ROUND = 20
    TO_FLOAT32 = 21
    NORMAL_QUANTILE = 22
    EXPONENTIAL_M1 = 23
    ADD = 64
    SUBTRACT = 65
    MULTIPLY = 66
    DIVIDE = 67
    REVERSE_SUBTRACT = 68
    REVERSE_DIVIDE = 69
    MINIMUM = 70
    MAXIMUM = 71
    LESS_EQUAL = 72
    LESS = 73
    EQUAL = 74
    GREATER = 75
    GREATER_EQUAL = 76
    REPLACE_MISSING = 77
    POWER = 78


class Reduction(IntEnum):
    """What becomes of a range of values."""

    SUM = 1
    MEAN = 2
    GREATEST = 3
    LEAST = 4
    SUM_OF_SQUARES = 5
    SUM_OF_ABSOLUTES = 6
    POSITION_OF_GREATEST = 7
    POSITION_OF_LEAST = 8
    LOG_SUM_EXP = 9


class Metric(IntEnum):
    """Distances of a row to a table of points, before any root is taken."""

    SQUARED_EUCLIDEAN = 1
    MANHATTAN = 2
    CHEBYSHEV = 3
    MINKOWSKI = 4
    WEIGHTED_SQUARES = 5
    RADIAL_BASIS = 6


@dataclass(frozen=True)
class Range:
    """Neighbouring values of the workspace, or columns of the row."""

    first: int
    width: int
    of_row: bool = False


NOTHING: Final = Range(0, 0)


@dataclass(frozen=True)
class Operation:
    """One operation; what its sizes, parameters and tables mean depends on its kind.

    Attributes:
        kind: What it does.
        output: Where its results go.
        input: What it reads.
        second: The second input, where there is one.
        function: Which function, of kinds that have several.
        sizes: At most 8 counts.
        parameters: At most 4 numbers.
        tables: At most 8 tables; empty bytes where one is absent.
    """

    kind: Kind
    output: Range
    input: Range = NOTHING
    second: Range = NOTHING
    function: int = 0
    sizes: tuple[int, ...] = ()
    parameters: tuple[float, ...] = ()
    tables: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class TreeTable:
    """Where one tree lies in its operation's tables."""

    first_node: int
    n_nodes: int
    first_leaf: int
    output: int
    """The leaf's values are added to the outputs from this one on."""


@dataclass(frozen=True)
class Plan:
    """A whole plan, before it is written.

    Attributes:
        n_features: Width of a row.
        n_values: Values of the workspace for one row.
        output: The values that are the outputs.
        operations: In order of execution.
        value_bytes: 8 where the workspace holds float64, 4 where it holds float32.
    """

    n_features: int
    n_values: int
    output: Range
    operations: tuple[Operation, ...]
    value_bytes: int = 8


def tree_records(trees: tuple[TreeTable, ...]) -> bytes:
    """Return the table of an operation's trees."""
    return b"".join(TREE.pack(tree.first_node, tree.n_nodes, tree.first_leaf, tree.output) for tree in trees)


def write_plan(plan: Plan) -> bytes:
    """Write a plan; the same operations give the same bytes.

    Raises:
        ValueError: The plan would be larger than its offsets reach.
    """
    tables = _Tables(HEADER.size + OPERATION.size * len(plan.operations))
    records = b"".join(_record(operation, tables) for operation in plan.operations)
    if tables.size > MAX_PLAN_BYTES:
        raise ValueError(f"the plan would have {tables.size} bytes, limit {MAX_PLAN_BYTES}")
    header = HEADER.pack(
        MAGIC,
        VERSION,
        plan.n_features,
        plan.output.width,
        len(plan.operations),
        tables.size,
        plan.value_bytes,
        plan.n_values,
        plan.output.first,
    )
    return b"".join((header, records, *tables.parts))


class _Tables:
    """The tables behind the operations, each on its alignment; equal tables are kept once."""

    def __init__(self, start: int) -> None:
        self.size = start
        self.parts: list[bytes] = []
        self._offsets: dict[bytes, int] = {}

    def add(self, table: bytes) -> int:
        """Append a table; returns its offset, 0 for an empty one."""
        if not table:
            return 0
        if table not in self._offsets:
            padding = -self.size % ALIGNMENT
            self._offsets[table] = self.size + padding
            self.parts += [bytes(padding), table]
            self.size += padding + len(table)
        return self._offsets[table]


def _record(operation: Operation, tables: _Tables) -> bytes:
    offsets = tuple(tables.add(table) for table in operation.tables)
    return OPERATION.pack(
        operation.kind,
        operation.function,
        operation.input.first | (OF_ROW if operation.input.of_row else 0),
        operation.input.width,
        operation.second.first,
        operation.second.width,
        operation.output.first,
        operation.output.width,
        *_filled(operation.sizes, 8),
        *(tuple(map(float, operation.parameters)) + (0.0,) * (4 - len(operation.parameters))),
        *_filled(offsets, 8),
    )


def _filled(numbers: tuple[int, ...], count: int) -> tuple[int, ...]:
    return numbers + (0,) * (count - len(numbers))
