"""Graphs to plans."""

import numpy as np

from compiler.backends.tree_tables import tree_tables
from compiler.errors import UnsupportedModelError
from compiler.ir.fusion import fuse
from compiler.ir.nodes import Elementwise, Graph, Linear, Link, Node
from device_contract.errors import PlanError
from device_contract.plan.format import LinearOperation, LinkOperation, Operation, write_plan
from device_contract.plan.scorer import PlanScorer


def emit(graph: Graph) -> bytes:
    """Emit a plan; the same graph gives the same bytes.

    Raises:
        UnsupportedModelError: The model is larger than a plan can be, or its numbers are not finite.
    """
    fused = fuse(graph)
    operations = tuple(_operation(node) for node in fused.nodes)
    try:
        data = write_plan(fused.n_features, fused.n_outputs, operations)
        PlanScorer(data)  # what we write, the device must be able to read
    except (ValueError, PlanError) as error:
        raise UnsupportedModelError(f"the model does not fit a plan: {error}") from error
    return data


def _operation(node: Node) -> Operation:
    if isinstance(node, Link):
        return LinkOperation(node.name)
    if isinstance(node, Linear):
        return _linear(node)
    if isinstance(node, Elementwise):
        raise UnsupportedModelError(f"{node.operator} after the scores is not one that a plan can express")
    return tree_tables(node)


def _linear(node: Linear) -> LinearOperation:
    tables = (node.weights, node.center, node.base)
    if not all(np.isfinite(table).all() for table in tables):
        raise UnsupportedModelError("the model's coefficients are not all finite")
    weights, center, base = (table.astype("<f8").tobytes() for table in tables)
    return LinearOperation(len(node.base), weights, center, base)
