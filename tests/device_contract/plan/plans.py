"""Small plans by hand: every operation, both widths of node, with and without missing values."""

import struct

from device_contract.plan.format import (
    QUIET_NAN_BITS,
    LinearOperation,
    LinkOperation,
    Operation,
    TreesOperation,
    TreeTable,
    write_plan,
)


def doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def linear(n_scores: int) -> LinearOperation:
    """Two features: score k is (k + 1) * (x0 - 1) - x1 + 0.5."""
    weights = [weight for k in range(n_scores) for weight in (k + 1.0, -1.0)]
    return LinearOperation(n_scores, doubles(*weights), doubles(1.0, 0.0), doubles(*[0.5] * n_scores))


def split(threshold: float, feature: int, left: int, *, wide: bool = False) -> bytes:
    return struct.pack("<fII" if wide else "<fHH", threshold, feature, left)


def leaf(number: int, index: int, *, wide: bool = False) -> bytes:
    return struct.pack("<III" if wide else "<IHH", QUIET_NAN_BITS | number, 0, index)


def stumps(n_trees: int, *, wide: bool = False, missing: bool = True, width: int = 1) -> TreesOperation:
    """Tree i: feature i % 2 at most i goes to the leaf 1, else to the leaf 10; NaN goes right in odd trees."""
    nodes = b"".join(
        split(float(i), i % 2, 1, wide=wide) + leaf(0, 1, wide=wide) + leaf(1, 2, wide=wide) for i in range(n_trees)
    )
    bits = sum(1 << (3 * i) for i in range(0, n_trees, 2))
    return TreesOperation(
        wide=wide,
        width=width,
        n_nodes=3 * n_trees,
        n_leaves=2,
        divisor=2.0,
        base=doubles(*[0.5] * width),
        trees=tuple(TreeTable(3 * i, 3, 0, 0) for i in range(n_trees)),
        nodes=nodes,
        missing=bits.to_bytes((3 * n_trees + 7) // 8, "little") if missing else b"",
        values=doubles(*[1.0] * width, *[10.0] * width),
    )


def plan(n_outputs: int, *operations: Operation) -> bytes:
    return write_plan(2, n_outputs, operations)


PLANS: dict[str, bytes] = {
    "linear": plan(1, linear(1)),
    "linear-binary": plan(2, linear(1), LinkOperation("binary_sigmoid")),
    "linear-exponential": plan(1, linear(1), LinkOperation("exponential")),
    "linear-softmax": plan(3, linear(3), LinkOperation("softmax")),
    "linear-sigmoid-normalized": plan(3, linear(3), LinkOperation("sigmoid_normalized")),
    "trees": plan(1, stumps(11)),
    "trees-wide": plan(1, stumps(11, wide=True)),
    "trees-no-missing": plan(1, stumps(3, missing=False)),
    "trees-two-outputs": plan(2, stumps(9, width=2)),
    "linear-and-trees": plan(1, linear(1), stumps(2)),
}
"""By the name of the golden file."""
