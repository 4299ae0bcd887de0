"""The golden plans, and the one reader's answer to plans that are wrong."""

import struct
from pathlib import Path

import pytest

from device_contract.errors import PlanError
from device_contract.plan.format import ALIGNMENT, HEADER, OPERATION, QUIET_NAN_BITS
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS

NODES_FIELD = HEADER.size + 48  # where the first operation keeps the offset of its nodes


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
    assert all(offset % ALIGNMENT == 0 for record in records for offset in record[7:])
    assert OPERATION.size == ALIGNMENT


def changed(name: str, offset: int, replacement: bytes) -> bytes:
    data = bytearray(PLANS[name])
    data[offset : offset + len(replacement)] = replacement
    return bytes(data)


def changed_node(index: int, node: bytes) -> bytes:
    (nodes,) = struct.unpack_from("<I", PLANS["trees"], NODES_FIELD)
    return changed("trees", nodes + 8 * index, node)


def changed_tree(index: int, *fields: int) -> bytes:
    (trees,) = struct.unpack_from("<I", PLANS["trees"], NODES_FIELD - 4)
    return changed("trees", trees + 16 * index, struct.pack("<4I", *fields))


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "truncated"),
    "half a header": (PLANS["trees"][:40], "truncated"),
    "half a plan": (PLANS["trees"][:-100], "truncated"),
    "longer than it says": (PLANS["trees"] + bytes(8), "longer than its header"),
    "another file": (changed("trees", 0, b"ONNX"), "does not start as a plan"),
    "a newer version": (changed("trees", 8, u32(2)), "version is unknown"),
    "no features": (changed("trees", 12, u32(0)), "features, outputs or operations"),
    "too many features": (changed("trees", 12, u32(65_536)), "features, outputs or operations"),
    "no outputs": (changed("trees", 16, u32(0)), "features, outputs or operations"),
    "no operations": (changed("trees", 20, u32(0)), "features, outputs or operations"),
    "too many operations": (changed("trees", 20, u32(17)), "features, outputs or operations"),
    "unknown operation": (changed("trees", HEADER.size, u32(99)), "unknown kind"),
    "a link before the end": (changed("linear-and-trees", HEADER.size, u32(4)), "contradicts"),
    "leaf wider than the scores": (changed("trees", HEADER.size + 4, u32(2)), "contradicts"),
    "divisor of zero": (changed("trees", HEADER.size + 24, struct.pack("<d", 0.0)), "contradicts"),
    "divisor of NaN": (changed("trees", HEADER.size + 24, struct.pack("<d", float("nan"))), "contradicts"),
    "binary with three outputs": (changed("linear-binary", 16, u32(3)), "contradicts"),
    "table off its alignment": (changed("trees", NODES_FIELD, u32(257)), "misplaced"),
    "table over the header": (changed("trees", NODES_FIELD, u32(64)), "misplaced"),
    "table past the end": (changed("trees", NODES_FIELD, u32(1 << 30)), "misplaced"),
    "more nodes than the table": (changed("trees", HEADER.size + 12, u32(1 << 31)), "past its end"),
    "more leaves than the table": (changed("trees", HEADER.size + 16, u32(0xFFFFFFFF)), "past its end"),
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
