"""Plans drawn at random, of the families whose kernels have vectors."""

import numpy as np
from numpy.typing import NDArray

from device_contract.plan.format import (
    QUIET_NAN_BITS,
    Function,
    Kind,
    Operation,
    Plan,
    Range,
    Reduction,
    TreeTable,
    tree_records,
    write_plan,
)

Numbers = np.random.Generator


def rows(numbers: Numbers, n_rows: int, n_features: int, missing: float) -> NDArray[np.float32]:
    """Draw rows of few distinct values, so that many lie on a threshold; some are infinite, some NaN."""
    drawn = (numbers.integers(-8, 9, (n_rows, n_features)) / 2).astype(np.float32)
    drawn[numbers.random(drawn.shape) < 0.02] = np.inf
    drawn[numbers.random(drawn.shape) < missing] = np.nan
    return drawn


def _tree(
    numbers: Numbers, n_features: int, n_splits: int, n_leaves: int, layout: np.dtype[np.void]
) -> NDArray[np.void]:
    """Grow a tree: ``n_splits`` times a leaf, drawn at random, becomes a split."""
    children: list[tuple[int, int] | None] = [None]
    for _ in range(n_splits):
        leaves = [index for index, pair in enumerate(children) if pair is None]
        # The last leaves lie deepest: one that is drawn among them makes the tree lopsided.
        chosen = leaves[-1 - int(numbers.integers(min(len(leaves), 3)))]
        children[chosen] = (len(children), len(children) + 1)
        children += [None, None]
    nodes = np.zeros(len(children), layout)
    for index, pair in enumerate(children):
        nodes[index]["left"] = index if pair is None else pair[0]
        bits = np.float32(numbers.integers(-8, 9) / 2).view(np.uint32)
        nodes[index]["threshold"] = QUIET_NAN_BITS | int(numbers.integers(n_leaves)) if pair is None else bits
        nodes[index]["feature"] = 0 if pair is None else numbers.integers(n_features)
    return nodes


def trees(numbers: Numbers, n_features: int, *, wide: bool, missing: bool, most_splits: int) -> bytes:
    """Draw a forest of three outputs; each tree adds two values."""
    layout = np.dtype([("threshold", "<u4"), ("feature", "<u4" if wide else "<u2"), ("left", "<u4" if wide else "<u2")])
    grown = [
        _tree(numbers, n_features, int(numbers.integers(most_splits + 1)), 5, layout)
        for _ in range(int(numbers.integers(1, 20)))
    ]
    firsts = np.cumsum([0, *map(len, grown)])
    table = tree_records(
        tuple(
            TreeTable(int(first), len(tree), 5 * index, int(numbers.integers(2)))
            for index, (first, tree) in enumerate(zip(firsts, grown, strict=False))
        )
    )
    n_leaves = 5 * len(grown)
    bits = numbers.bytes((int(firsts[-1]) + 7) // 8) if missing else b""
    forest = Operation(
        Kind.WIDE_TREES if wide else Kind.TREES,
        Range(0, 3),
        Range(0, n_features, of_row=True),
        sizes=(2, len(grown), int(firsts[-1]), n_leaves),
        parameters=(float(len(grown)),),
        tables=(
            _doubles(numbers, 3),
            table,
            b"".join(tree.tobytes() for tree in grown),
            bits,
            _doubles(numbers, n_leaves, 2),
        ),
    )
    softmax = Operation(Kind.SOFTMAX, Range(3, 3), Range(0, 3))
    return write_plan(Plan(n_features, 6, Range(0, 6), (forest, softmax)))


def network(numbers: Numbers, n_features: int, width: int, *, value_bytes: int) -> bytes:
    """Draw a dense layer, a rectifier in it or behind, a dot of three outputs, and links over them."""
    table = "<f8" if value_bytes == 8 else "<f4"
    hidden = n_features + width
    operations = (
        Operation(Kind.LOAD, Range(0, n_features), Range(0, n_features, of_row=True)),
        Operation(
            Kind.DENSE,
            Range(n_features, width),
            Range(0, n_features),
            function=Function.RELU if width % 2 else 0,
            tables=(
                numbers.standard_normal((n_features, width)).astype(table).tobytes(),
                b"",
                numbers.standard_normal(width).astype(table).tobytes(),
            ),
        ),
        Operation(Kind.MAP, Range(n_features, width), Range(n_features, width), function=Function.RELU),
        Operation(
            Kind.DOT,
            Range(hidden, 3),
            Range(n_features, width),
            tables=(_doubles(numbers, 3, width), _doubles(numbers, width), _doubles(numbers, 3)),
        ),
        Operation(Kind.SIGMOID_NORMALIZED, Range(hidden + 3, 3), Range(hidden, 3)),
        Operation(Kind.SOFTMAX, Range(hidden + 6, 3), Range(hidden, 3)),
    )
    return write_plan(Plan(n_features, hidden + 9, Range(hidden, 9), operations, value_bytes))


def signal(numbers: Numbers, length: int, *, value_bytes: int) -> bytes:
    """Draw a convolution over two channels, rectified or not, and a pool of pairs."""
    table = "<f8" if value_bytes == 8 else "<f4"
    filters, width, stride = (int(numbers.integers(1, most)) for most in (7, min(4, length) + 1, 3))
    n = (length - width) // stride + 1
    filled = -filters % 4 + filters
    convolved, n_pooled = 2 * length + filters * n, n // 2 or 1
    pair = min(2, n)
    operations = (
        Operation(Kind.LOAD, Range(0, 2 * length), Range(0, 2 * length, of_row=True)),
        Operation(
            Kind.CONVOLUTION,
            Range(2 * length, filters * n),
            Range(0, 2 * length),
            sizes=(2, length, width, stride, 1, 1),
            parameters=(0.0 if numbers.integers(2) else -np.inf,),
            tables=(
                numbers.standard_normal((filled // 4, 2, width, 4)).astype(table).tobytes(),
                numbers.standard_normal(filled).astype(table).tobytes(),
            ),
        ),
        Operation(
            Kind.POOL,
            Range(convolved, filters * n_pooled),
            Range(2 * length, filters * n),
            function=Reduction.GREATEST if numbers.integers(2) else Reduction.SUM,
            sizes=(filters, n, pair, 2, 1),
        ),
    )
    n_values = convolved + filters * n_pooled
    return write_plan(Plan(2 * length, n_values, Range(2 * length, n_values - 2 * length), operations, value_bytes))


def dot(numbers: Numbers, n_features: int) -> bytes:
    """Draw two sums of the row, and the probability of the second."""
    operations = (
        Operation(Kind.REFUSE_MISSING, Range(0, 0), Range(0, n_features, of_row=True)),
        Operation(
            Kind.DOT,
            Range(0, 2),
            Range(0, n_features, of_row=True),
            tables=(_doubles(numbers, 2, n_features), _doubles(numbers, n_features), _doubles(numbers, 2)),
        ),
        Operation(Kind.BINARY_SIGMOID, Range(2, 2), Range(1, 1)),
    )
    return write_plan(Plan(n_features, 4, Range(0, 4), operations))


def _doubles(numbers: Numbers, *shape: int) -> bytes:
    return numbers.standard_normal(shape).astype("<f8").tobytes()
