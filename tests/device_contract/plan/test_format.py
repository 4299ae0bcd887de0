"""The golden plans, and the one reader's answer to plans that are wrong."""

import struct
from pathlib import Path

import pytest

from device_contract.errors import PlanError
from device_contract.plan.format import ALIGNMENT, HEADER, OF_ROW, OPERATION, QUIET_NAN_BITS, Kind
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS

SIZES = HEADER.size + 32  # of the first operation
PARAMETERS = SIZES + 32
TABLES = PARAMETERS + 32
TREES_FIELD, NODES_FIELD = TABLES + 4, TABLES + 8


@pytest.mark.parametrize("name", PLANS)
def test_writes_the_golden_plan(name: str, golden: Path) -> None:
    assert PLANS[name] == (golden / "plan" / f"{name}.plan").read_bytes()


def test_every_golden_plan_has_a_writer(golden: Path) -> None:
    assert {path.stem for path in (golden / "plan").glob("*.plan")} == set(PLANS)


@pytest.mark.parametrize("name", PLANS)
def test_puts_tables_on_their_alignment(name: str) -> None:
    data = PLANS[name]
    n_operations = HEADER.unpack_from(data)[4]
    records = [OPERATION.unpack_from(data, HEADER.size + OPERATION.size * i) for i in range(n_operations)]
    assert all(offset % ALIGNMENT == 0 for record in records for offset in record[20:])
    assert OPERATION.size % ALIGNMENT == 0


def changed(name: str, offset: int, replacement: bytes) -> bytes:
    data = bytearray(PLANS[name])
    data[offset : offset + len(replacement)] = replacement
    return bytes(data)


def changed_node(index: int, node: bytes) -> bytes:
    (nodes,) = struct.unpack_from("<I", PLANS["trees"], NODES_FIELD)
    return changed("trees", nodes + 8 * index, node)


def changed_tree(index: int, *fields: int) -> bytes:
    (trees,) = struct.unpack_from("<I", PLANS["trees"], TREES_FIELD)
    return changed("trees", trees + 16 * index, struct.pack("<4I", *fields))


def changed_index(place: int, index: int) -> bytes:
    (indices,) = struct.unpack_from("<I", PLANS["moves"], TABLES + OPERATION.size)
    return changed("moves", indices + 4 * place, u32(index))


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "truncated"),
    "half a header": (PLANS["trees"][:40], "truncated"),
    "half a plan": (PLANS["trees"][:-100], "truncated"),
    "longer than it says": (PLANS["trees"] + bytes(8), "longer than its header"),
    "another file": (changed("trees", 0, b"ONNX"), "does not start as a plan"),
    "another version": (changed("trees", 8, u32(1)), "version is unknown"),
    "no features": (changed("trees", 12, u32(0)), "features, outputs, values or operations"),
    "too many features": (changed("trees", 12, u32(65_536)), "features, outputs, values or operations"),
    "no outputs": (changed("trees", 16, u32(0)), "features, outputs, values or operations"),
    "no operations": (changed("trees", 20, u32(0)), "features, outputs, values or operations"),
    "too many operations": (changed("trees", 20, u32(65_537)), "features, outputs, values or operations"),
    "unknown operation": (changed("linear-exponential", HEADER.size + OPERATION.size, u32(99)), "unknown kind"),
    "a dense operation's function": (
        changed("dense-rectified", HEADER.size + OPERATION.size + 4, u32(9)),
        "contradicts",
    ),
    "values of three bytes": (changed("trees", 32, u32(3)), "features, outputs, values or operations"),
    "no values": (changed("trees", 36, u32(0)), "features, outputs, values or operations"),
    "too many values": (changed("trees", 36, u32((1 << 20) + 1)), "features, outputs, values or operations"),
    "outputs that nobody writes": (changed("trees", 40, u32(1)), "features, outputs, values or operations"),
    "input past the row": (changed("trees", HEADER.size + 12, u32(3)), "contradicts"),
    "input that nobody has written": (changed("linear-softmax", HEADER.size + 128 + 8, u32(1)), "contradicts"),
    "the row where values are read": (changed("linear-softmax", HEADER.size + 128 + 8, u32(OF_ROW)), "contradicts"),
    "output over the input": (changed("linear-softmax", HEADER.size + 128 + 24, u32(1)), "contradicts"),
    "output past the values": (changed("trees", HEADER.size + 28, u32(2)), "contradicts"),
    "output that leaves a gap": (changed("linear-and-trees", HEADER.size + 128 + 24, u32(2)), "contradicts"),
    "second input that nobody has written": (
        changed("linear-and-trees", HEADER.size + 256 + 16, u32(2)),
        "contradicts",
    ),
    "unknown function": (changed("linear-exponential", HEADER.size + 128 + 4, u32(64)), "contradicts"),
    "unknown function of two": (changed("linear-and-trees", HEADER.size + 256 + 4, u32(6)), "contradicts"),
    "reduction to another width": (changed("moves", HEADER.size + 4 * 128 + 32, u32(2)), "contradicts"),
    "reduction of nothing": (changed("moves", HEADER.size + 4 * 128 + 36, u32(0)), "contradicts"),
    "trees of float32": (changed("trees", 32, u32(4)), "contradicts"),
    "leaf wider than the outputs": (changed("trees", SIZES, u32(2)), "contradicts"),
    "divisor of zero": (changed("trees", PARAMETERS, struct.pack("<d", 0.0)), "contradicts"),
    "divisor of NaN": (changed("trees", PARAMETERS, struct.pack("<d", float("nan"))), "contradicts"),
    "sigmoid of two scores": (changed("linear-softmax", HEADER.size + 128, u32(Kind.BINARY_SIGMOID)), "contradicts"),
    "index past the input": (changed_index(0, 2), "an index of the plan"),
    "table off its alignment": (changed("trees", NODES_FIELD, u32(257)), "misplaced"),
    "table over the header": (changed("trees", NODES_FIELD, u32(64)), "misplaced"),
    "table past the end": (changed("trees", NODES_FIELD, u32(1 << 30)), "misplaced"),
    "more nodes than the table": (changed("trees", SIZES + 8, u32(1 << 31)), "past its end"),
    "more leaves than the table": (changed("trees", SIZES + 12, u32(0xFFFFFFFF)), "past its end"),
    "tree that starts elsewhere": (changed_tree(1, 0, 3, 0, 0), "a tree of the plan"),
    "tree past the nodes": (changed_tree(10, 30, 4, 0, 0), "a tree of the plan"),
    "tree without nodes": (changed_tree(0, 0, 0, 0, 0), "a tree of the plan"),
    "tree of another output": (changed_tree(0, 0, 3, 0, 1), "a tree of the plan"),
    "tree past the leaves": (changed_tree(0, 0, 3, 1, 0), "a node of the plan"),
    "child before its parent": (changed_node(2, struct.pack("<fHH", 1.0, 0, 1)), "a node of the plan"),
    "child past the tree": (changed_node(0, struct.pack("<fHH", 1.0, 0, 2)), "a node of the plan"),
    "child far away": (changed_node(0, struct.pack("<fHH", 1.0, 0, 65_535)), "a node of the plan"),
    "feature past the row": (changed_node(0, struct.pack("<fHH", 1.0, 2, 1)), "a node of the plan"),
    "threshold of NaN": (changed_node(0, struct.pack("<IHH", QUIET_NAN_BITS, 0, 1)), "a node of the plan"),
    "leaf with a number": (changed_node(1, struct.pack("<fHH", 1.0, 0, 1)), "a node of the plan"),
    "leaf past the values": (changed_node(1, struct.pack("<IHH", QUIET_NAN_BITS | 2, 0, 1)), "a node of the plan"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_a_plan_that_is_wrong(fault: str) -> None:
    data, told = FAULTS[fault]
    with pytest.raises(PlanError, match=told):
        PlanScorer(data)


@pytest.mark.parametrize("data", ["text", 7, None, [1, 2]])
def test_refuses_what_is_no_bytes(data: object) -> None:
    with pytest.raises(PlanError, match="contiguous bytes"):
        PlanScorer(data)  # type: ignore[arg-type]
