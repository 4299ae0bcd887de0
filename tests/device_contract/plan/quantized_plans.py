"""Small quantized plans by hand: five inputs fill more than one word, and leave another half empty."""

import struct

from device_contract.plan.format import Kind, Operation, Plan, Range, TreeTable, tree_records, write_plan

N_INPUTS, N_OUTPUTS = 5, 3
CODES = ((127, -127, 1, 0, 2), (-1, 3, 5, -7, 11), (0, 0, 100, 50, -25))
HALVES = ((0.5, -2.0, 65504.0, 0.0, 2.0**-14), (1.0, 1.5, -0.25, 3.0, -1.0), (0.1, 0.2, 0.3, 0.4, 0.5))
"""Weights, (outputs, inputs)."""
SCALE, BASE = (0.5, 2.0, 0.125), (1.0, -1.0, 0.0)


def _words(kind: Kind) -> bytes:
    codes, of_word, form = (CODES, 4, "b") if kind == Kind.DENSE_INT8 else (HALVES, 2, "e")
    starts = range(0, N_INPUTS, of_word)
    filled = [[*weights, *[0] * of_word] for weights in codes]
    return b"".join(struct.pack(f"<{of_word}{form}", *row[i : i + of_word]) for i in starts for row in filled)


def dense(kind: Kind, value_bytes: int) -> bytes:
    """Return the plan of one dense layer over the row."""
    values = f"<{N_OUTPUTS}{'f' if value_bytes == 4 else 'd'}"
    operations = (
        Operation(Kind.LOAD, Range(0, N_INPUTS), Range(0, N_INPUTS, of_row=True)),
        Operation(
            kind,
            Range(N_INPUTS, N_OUTPUTS),
            Range(0, N_INPUTS),
            tables=(_words(kind), struct.pack(values, *SCALE), struct.pack(values, *BASE)),
        ),
    )
    outputs = Range(N_INPUTS, N_OUTPUTS)
    return write_plan(Plan(N_INPUTS, N_INPUTS + N_OUTPUTS, outputs, operations, value_bytes))


def ranked_trees(*, missing: bool = True) -> bytes:
    """Return five trees of a split: x0 <= 0 or x1 <= 2, then x0 <= 1.5; NaN goes right in the last."""
    split = struct.Struct("<BBH")
    nodes = [split.pack(i % 2, 0, 1) + split.pack(0, 0, 1) + split.pack(1, 0, 2) for i in range(4)]
    nodes.append(split.pack(0, 1, 1) + split.pack(1, 0, 1) + split.pack(0, 0, 2))
    operation = Operation(
        Kind.RANKED_TREES,
        Range(0, 1),
        Range(0, 2, of_row=True),
        sizes=(1, 5, 15, 2, 3),
        parameters=(2.0,),
        tables=(
            struct.pack("<d", 0.5),
            tree_records(tuple(TreeTable(3 * i, 3, 0, 0) for i in range(5))),
            b"".join(nodes),
            sum(1 << (3 * i) for i in range(4)).to_bytes(2, "little") if missing else b"",
            struct.pack("<2f", 1.0, 10.0),
            struct.pack("<3I", 0, 2, 3),
            struct.pack("<3f", 0.0, 1.5, 2.0),
        ),
    )
    return write_plan(Plan(2, 1, Range(0, 1), (operation,)))


QUANTIZED: dict[str, bytes] = {
    "dense-int8": dense(Kind.DENSE_INT8, 4),
    "dense-int8-float64": dense(Kind.DENSE_INT8, 8),
    "dense-float16": dense(Kind.DENSE_FLOAT16, 4),
    "ranked-trees": ranked_trees(),
}
"""By the name of the golden file."""
