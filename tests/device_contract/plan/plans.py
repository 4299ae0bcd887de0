"""Small plans by hand: operations of each family, both widths of node, with and without missing values."""

import struct
from dataclasses import replace

from device_contract.plan.format import (
    QUIET_NAN_BITS,
    TILE_POINTS,
    Function,
    Kind,
    Metric,
    Operation,
    Plan,
    Range,
    Reduction,
    TreeTable,
    tree_records,
    write_plan,
)
from tests.device_contract.plan.quantized_plans import QUANTIZED

ROW = Range(0, 2, of_row=True)


def doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def linear(n_scores: int) -> Operation:
    """Two features: score k is (k + 1) * (x0 - 1) - x1 + 0.5."""
    weights = [weight for k in range(n_scores) for weight in (k + 1.0, -1.0)]
    tables = (doubles(*weights), doubles(1.0, 0.0), doubles(*[0.5] * n_scores))
    return Operation(Kind.DOT, Range(0, n_scores), ROW, tables=tables)


def split(threshold: float, feature: int, left: int, *, wide: bool = False) -> bytes:
    return struct.pack("<fII" if wide else "<fHH", threshold, feature, left)


def leaf(number: int, index: int, *, wide: bool = False) -> bytes:
    return struct.pack("<III" if wide else "<IHH", QUIET_NAN_BITS | number, 0, index)


def stumps(n_trees: int, *, wide: bool = False, missing: bool = True, width: int = 1) -> Operation:
    """Tree i: feature i % 2 at most i goes to the leaf 1, else to the leaf 10; NaN goes right in odd trees."""
    nodes = b"".join(
        split(float(i), i % 2, 1, wide=wide) + leaf(0, 1, wide=wide) + leaf(1, 2, wide=wide) for i in range(n_trees)
    )
    bits = sum(1 << (3 * i) for i in range(0, n_trees, 2))
    return Operation(
        Kind.WIDE_TREES if wide else Kind.TREES,
        Range(0, width),
        ROW,
        sizes=(width, n_trees, 3 * n_trees, 2),
        parameters=(2.0,),
        tables=(
            doubles(*[0.5] * width),
            tree_records(tuple(TreeTable(3 * i, 3, 0, 0) for i in range(n_trees))),
            nodes,
            bits.to_bytes((3 * n_trees + 7) // 8, "little") if missing else b"",
            doubles(*[1.0] * width, *[10.0] * width),
        ),
    )


def tile(*points: tuple[float, ...]) -> bytes:
    """Return at most sixteen points as the one tile of a distance."""
    filled = (*points, *[(0.0,) * len(points[0])] * (TILE_POINTS - len(points)))
    return b"".join(doubles(*coordinates) for coordinates in zip(*filled, strict=True))


def plan(n_outputs: int, *operations: Operation) -> bytes:
    """Return a plan whose outputs are the last operation's results, each a place after the other."""
    placed, first = [], 0
    for operation in operations:
        reads = operation.input if operation.input.of_row else Range(0, operation.input.width)
        placed.append(replace(operation, input=reads, output=replace(operation.output, first=first)))
        first += operation.output.width
    return write_plan(Plan(2, first, Range(first - n_outputs, n_outputs), tuple(placed)))


def link(kind: Kind, n_scores: int, n_outputs: int) -> Operation:
    return Operation(kind, Range(0, n_outputs), Range(0, n_scores))


REFUSE = Operation(Kind.REFUSE_MISSING, Range(0, 0), ROW)
EXPONENTIAL = Operation(Kind.MAP, Range(0, 1), Range(0, 1), function=Function.EXPONENTIAL)


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def filled(*values: float, at_once: int = 16) -> bytes:
    """Return a table of float32, filled up to a multiple of what is computed at once."""
    return floats(*values, *[0.0] * (-len(values) % at_once))


def weights(*outputs: tuple[float, ...]) -> bytes:
    """Return the weights of at most sixteen outputs of a projection: (inputs, 16)."""
    return b"".join(filled(*inputs) for inputs in zip(*outputs, strict=True))


SIGNAL = Range(8, 12)
"""Of the plan ``networks``: two channels of four positions, padded by one, convolved to three, pooled to two."""
NETWORKS = write_plan(
    Plan(
        8,
        191,
        Range(178, 13),
        (
            Operation(Kind.LOAD, Range(0, 8), Range(0, 8, of_row=True)),
            Operation(Kind.PAD, SIGNAL, Range(0, 8), sizes=(2, 4, 1, 1), parameters=(0.5,)),
            Operation(
                Kind.CONVOLUTION,
                Range(20, 12),
                SIGNAL,
                sizes=(2, 6, 3, 1, 1, 1),
                parameters=(-0.25,),
                tables=(
                    floats(*[weight for tap in range(6) for weight in (1.0 - tap, 0.5 * tap, -0.25, 0.0)]),
                    filled(0.5, -0.5, 1.0, at_once=4),
                ),
            ),
            Operation(Kind.POOL, Range(32, 6), Range(20, 12), function=Reduction.GREATEST, sizes=(3, 4, 2, 2, 1)),
            Operation(
                Kind.GRU,
                Range(38, 58),
                Range(32, 6),
                sizes=(3, 2, 2),
                tables=(
                    weights(*[(0.5, -0.25 * gate) for gate in range(6)]),
                    filled(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
                    weights(*[(0.25, 0.125 * gate) for gate in range(4)]),
                    filled(0.0),
                    weights((0.5, -0.5), (1.0, 0.25)),
                    filled(0.25, -0.25),
                    floats(0.0, 0.0),
                ),
            ),
            Operation(
                Kind.LSTM,
                Range(96, 42),
                Range(32, 6),
                sizes=(3, 2, 2, 1),
                tables=(
                    weights(*[(0.5, -0.25 * gate) for gate in range(8)]),
                    filled(*[0.1 * gate for gate in range(8)]),
                    weights(*[(0.25, 0.125 * gate) for gate in range(8)]),
                    filled(0.0),
                    b"",
                    b"",
                    floats(0.5, -0.5),
                    floats(0.0, 1.0),
                ),
            ),
            Operation(
                Kind.RNN,
                Range(138, 36),
                Range(32, 6),
                function=Function.TANH,
                sizes=(3, 2, 1),
                tables=(weights((0.5, -0.5)), filled(0.125), weights((0.75,)), filled(0.0), b"", b"", floats(0.0)),
            ),
            Operation(Kind.CHOOSE, Range(174, 1), Range(138, 3)),
            Operation(Kind.MAP_PAIR, Range(175, 3), Range(138, 3), Range(174, 1), Function.MULTIPLY),
            Operation(
                Kind.GATHER,
                Range(178, 13),
                Range(0, 178),
                tables=(struct.pack("<13I", *range(38, 44), *range(96, 102), 174),),
            ),
        ),
        value_bytes=4,
    )
)


def explained(trees: Operation) -> Operation:
    """Return ``stumps`` of one score with what explains them: a root expects 4, its leaves add -3 and 6."""
    steps = struct.pack("<3f", 4.0, -3.0, 6.0) * trees.sizes[1]
    expected = doubles((0.5 + 4.0 * trees.sizes[1]) / 2.0)
    return replace(trees, tables=(*trees.tables, steps, expected))


PLANS: dict[str, bytes] = {
    "linear-explained": plan(2, replace(linear(2), tables=(*linear(2).tables, doubles(0.25, -0.5)))),
    "trees-explained": plan(1, explained(stumps(11))),
    "trees-wide-explained": plan(1, explained(stumps(3, wide=True))),
    "networks": NETWORKS,
    **QUANTIZED,
    "linear": plan(1, linear(1)),
    "linear-binary": plan(2, linear(1), link(Kind.BINARY_SIGMOID, 1, 2)),
    "linear-exponential": plan(1, linear(1), EXPONENTIAL),
    "linear-softmax": plan(3, linear(3), link(Kind.SOFTMAX, 3, 3)),
    "linear-sigmoid-normalized": plan(3, linear(3), link(Kind.SIGMOID_NORMALIZED, 3, 3)),
    "trees": plan(1, stumps(11)),
    "trees-wide": plan(1, stumps(11, wide=True)),
    "trees-no-missing": plan(1, REFUSE, stumps(3, missing=False)),
    "trees-two-outputs": plan(2, stumps(9, width=2)),
    "linear-and-trees": write_plan(
        Plan(
            2,
            3,
            Range(2, 1),
            (
                linear(1),
                replace(stumps(2), output=Range(1, 1)),
                Operation(Kind.MAP_PAIR, Range(2, 1), Range(0, 1), Range(1, 1), Function.ADD),
            ),
        )
    ),
    "moves": write_plan(
        Plan(
            2,
            9,
            Range(8, 1),
            (
                Operation(Kind.LOAD, Range(0, 2), ROW),
                Operation(Kind.GATHER, Range(2, 3), Range(0, 2), tables=(struct.pack("<3I", 1, 0, 1),)),
                Operation(Kind.CONSTANT, Range(5, 1), tables=(doubles(2.5),)),
                Operation(
                    Kind.MAP_CONSTANT,
                    Range(2, 3),
                    Range(2, 3),
                    function=Function.MAXIMUM,
                    tables=(doubles(-1.0, 0.0, 1.0),),
                ),
                Operation(Kind.REDUCE, Range(6, 1), Range(2, 3), function=Reduction.SUM, sizes=(3, 1)),
                Operation(Kind.MAP, Range(7, 1), Range(6, 1), function=Function.TANH),
                Operation(Kind.MAP_PAIR, Range(8, 1), Range(7, 1), Range(5, 1), Function.MULTIPLY),
            ),
        )
    ),
    "dense-rectified": write_plan(
        Plan(
            2,
            4,
            Range(2, 2),
            (
                Operation(Kind.LOAD, Range(0, 2), ROW),
                Operation(
                    Kind.DENSE,
                    Range(2, 2),
                    Range(0, 2),
                    function=Function.RELU,
                    tables=(struct.pack("<4f", 1.0, -1.0, 0.5, 2.0), b"", struct.pack("<2f", 0.25, -0.25)),
                ),
            ),
            value_bytes=4,
        )
    ),
    "dense-float32": write_plan(
        Plan(
            2,
            6,
            Range(4, 2),
            (
                Operation(Kind.LOAD, Range(0, 2), ROW),
                Operation(
                    Kind.DENSE,
                    Range(2, 2),
                    Range(0, 2),
                    tables=(struct.pack("<4f", 1.0, -1.0, 0.5, 2.0), b"", struct.pack("<2f", 0.25, -0.25)),
                ),
                Operation(Kind.MAP, Range(4, 2), Range(2, 2), function=Function.RELU),
            ),
            value_bytes=4,
        )
    ),
    "neighbours": write_plan(
        Plan(
            2,
            11,
            Range(10, 1),
            (
                Operation(Kind.LOAD, Range(0, 2), ROW),
                Operation(
                    Kind.DISTANCE,
                    Range(2, 4),
                    Range(0, 2),
                    function=Metric.SQUARED_EUCLIDEAN,
                    tables=(tile((0.0, 0.0), (1.0, 0.0), (0.0, 2.0), (3.0, 4.0)),),
                ),
                Operation(Kind.NEAREST, Range(6, 4), Range(2, 4)),
                Operation(
                    Kind.SUM_ROWS,
                    Range(10, 1),
                    Range(8, 2),
                    Range(6, 2),
                    sizes=(4, 2),
                    tables=(doubles(1.0, 10.0, 100.0, 1000.0),),
                ),
            ),
        )
    ),
    "coupling": write_plan(
        Plan(
            3,
            18,
            Range(3, 3),
            (
                Operation(Kind.LOAD, Range(0, 3), Range(0, 3, of_row=True)),
                Operation(Kind.COUPLING, Range(3, 15), Range(0, 3), sizes=(3,)),
            ),
        )
    ),
    "steps-and-splines": write_plan(
        Plan(
            2,
            6,
            Range(2, 4),
            (
                Operation(Kind.LOAD, Range(0, 2), ROW),
                # The first value: 7 below 0, 2 x from 0 to 1, 5 from there; the second: 3 (x - 1)^2 + 1 anywhere.
                Operation(
                    Kind.PIECEWISE,
                    Range(2, 2),
                    Range(0, 2),
                    sizes=(1, 2, 2),
                    tables=(
                        struct.pack("<3I", 0, 2, 2),
                        doubles(0.0, 1.0),
                        doubles(0.0, 0.0, 0.0, 1.0),
                        doubles(0.0, 0.0, 7.0, 0.0, 2.0, 0.0, 0.0, 0.0, 5.0, 3.0, 0.0, 1.0),
                    ),
                ),
                Operation(Kind.WEIGHTED_MEDIAN, Range(4, 1), Range(0, 4), tables=(doubles(1.0, 1.0, 1.0, 4.0),)),
                Operation(Kind.MAP, Range(5, 1), Range(4, 1), function=Function.NORMAL_QUANTILE),
            ),
        )
    ),
}
"""By the name of the golden file."""
