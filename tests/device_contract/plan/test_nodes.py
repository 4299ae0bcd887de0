"""A fault in any node of a tree is found, wherever it lies: compilers check several nodes at a time."""

import pytest

from device_contract.errors import PlanError
from device_contract.plan.format import MAX_LEAVES, Kind, Operation, Range, TreeTable, tree_records
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import ROW, doubles, leaf, plan, split

SPLITS = 20
NODES = 2 * SPLITS + 1
WIDE = pytest.mark.parametrize("wide", [False, True])


def caterpillar(*, wide: bool) -> list[bytes]:
    """Return the nodes of a tree whose splits have a leaf to the left and the next split to the right."""
    nodes = [split(0.0, 0, 1, wide=wide)]
    for number in range(1, NODES, 2):
        nodes.append(leaf(0, number, wide=wide))
        last = number + 1 == NODES - 1
        nodes.append(leaf(1, number + 1, wide=wide) if last else split(float(number), 1, number + 2, wide=wide))
    return nodes


def tree_plan(nodes: list[bytes], *, wide: bool) -> bytes:
    tables = (doubles(0.0), tree_records((TreeTable(0, len(nodes), 0, 0),)), b"".join(nodes), b"", doubles(1.0, 2.0))
    kind = Kind.WIDE_TREES if wide else Kind.TREES
    return plan(1, Operation(kind, Range(0, 1), ROW, sizes=(1, 1, len(nodes), 2), parameters=(1.0,), tables=tables))


@WIDE
def test_takes_a_sound_tree(wide: bool) -> None:  # noqa: FBT001  (a parameter)
    scorer = PlanScorer(tree_plan(caterpillar(wide=wide), wide=wide))
    assert scorer.score([-1.0, 0.0]) == 1.0
    assert scorer.score([1.0, 100.0]) == 2.0


@WIDE
@pytest.mark.parametrize("index", range(NODES))
def test_finds_a_fault_in_each_node(index: int, wide: bool) -> None:  # noqa: FBT001  (a parameter)
    faulty = (
        split(0.0, 2, min(index + 1, NODES - 2), wide=wide),  # a feature past the row
        split(0.0, 0, max(index - 1, 0), wide=wide),  # a child before its parent
        split(0.0, 0, NODES - 1, wide=wide),  # a child past the tree
        split(0.0, 0, index, wide=wide),  # a leaf with a number
        leaf(2, index, wide=wide),  # a leaf past the values
        leaf(MAX_LEAVES - 1, index, wide=wide),
    )
    for node in faulty:
        nodes = caterpillar(wide=wide)
        nodes[index] = node
        with pytest.raises(PlanError, match="a node of the plan"):
            PlanScorer(tree_plan(nodes, wide=wide))
