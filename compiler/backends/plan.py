"""Graphs to plans: each node becomes one operation, its results a place in the workspace."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from compiler.backends.allocation import Allocation
from compiler.backends.operations import Emission, operation_for
from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Graph, Linear, RefuseMissing, Row, TreeEnsemble
from compiler.ir.ordering import Step, order
from device_contract.errors import PlanError
from device_contract.plan.format import MAX_OPERATIONS, MAX_OUTPUTS, Operation, Plan, Range, write_plan
from device_contract.plan.scorer import PlanScorer


def emit(graph: Graph, reference: NDArray[np.float32] | None = None) -> bytes:
    """Emit a plan; the same graph gives the same bytes.

    Args:
        graph: The model.
        reference: Rows like those of the training, float32 (n_rows, n_features): the plan then
            holds what explains its scores.

    Raises:
        UnsupportedModelError: The model is larger than a plan can be, or its numbers are not finite.
    """
    if graph.n_outputs > MAX_OUTPUTS:
        raise UnsupportedModelError(f"the model has {graph.n_outputs} outputs, a plan at most {MAX_OUTPUTS}")
    try:
        data = write_plan(_plan(graph, reference))
        PlanScorer(data)  # what we write, the device must be able to read
    except (ValueError, PlanError) as error:
        raise UnsupportedModelError(f"the model does not fit a plan: {error}") from error
    return data


def _plan(graph: Graph, reference: NDArray[np.float32] | None) -> Plan:
    steps = order(graph)
    if len(steps) > MAX_OPERATIONS:
        raise UnsupportedModelError(f"the plan would have {len(steps)} operations, limit {MAX_OPERATIONS}")
    places, allocation = _Places(steps), Allocation()
    operations: list[Operation] = []
    for step in steps:
        inputs = tuple(places.of(operand) for operand in step.operands)
        if isinstance(step.node, Row):
            places.put(step, Range(0, step.node.width, of_row=True))
            continue
        output = inputs[0] if isinstance(step.node, RefuseMissing) else allocation.take(step.node.width)
        places.put(step, output)
        rows = reference if _explains(step) else None
        emission = Emission(inputs, output, single_precision=graph.single_precision, reference=rows)
        operations += operation_for(step.node, emission)
        for free in places.used(step):
            allocation.give(free)
    value_bytes = 4 if graph.single_precision else 8
    return Plan(graph.n_features, allocation.size, places.of(steps[-1]), tuple(operations), value_bytes)


def _explains(step: Step) -> bool:
    return isinstance(step.node, Linear | TreeEnsemble) and isinstance(_owner(step.operands[0]).node, Row)


class _Places:
    """Where each step's results lie, and until when they are needed.

    A refusal has no results of its own: it lies where its operand lies.
    """

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._places: dict[Step, Range] = {}
        self._uses = Counter(_owner(operand) for step in steps for operand in step.operands)
        self._uses[_owner(steps[-1])] += 1

    def of(self, step: Step) -> Range:
        """Return where a step's results lie."""
        return self._places[step]

    def put(self, step: Step, place: Range) -> None:
        """Tell where a step's results lie."""
        self._places[step] = place

    def used(self, step: Step) -> list[Range]:
        """Count a step's operands as used; returns the places that nobody needs any more."""
        self._uses.subtract(_owner(operand) for operand in step.operands)
        owners = dict.fromkeys(_owner(operand) for operand in step.operands)
        return [self._places[owner] for owner in owners if not self._uses[owner] and not isinstance(owner.node, Row)]


def _owner(step: Step) -> Step:
    while isinstance(step.node, RefuseMissing):
        step = step.operands[0]
    return step
