"""Rewrite a graph, node by node."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from compiler.ir.nodes import Graph, Node


def rewrite(graph: Graph, change: Callable[[Node], Node]) -> Graph:
    """Return the graph with every node changed, each once, after what it is made from.

    Without recursion: a network may be deeper than Python's stack.

    Args:
        graph: The model; it stays as it is.
        change: What becomes of a node whose operands have been changed already. The row stays.
    """
    made: dict[Node, Node] = {graph.row: graph.row}
    stack = [graph.output]
    while stack:
        waiting = [operand for operand in stack[-1].operands if operand not in made]
        if waiting:
            stack += waiting
        else:
            node = stack.pop()
            if node not in made:
                made[node] = change(_over(node, made))
    return dataclasses.replace(graph, output=made[graph.output])


def _over(node: Node, made: Mapping[Node, Node]) -> Node:
    """Return the node over what has become of its operands."""
    if all(made[operand] is operand for operand in node.operands):
        return node
    fields: dict[str, Any] = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}  # type: ignore[arg-type]  # every node is a dataclass
    return type(node)(**{name: _replaced(value, made) for name, value in fields.items()})


def _replaced(value: Any, made: Mapping[Node, Node]) -> Any:
    if isinstance(value, Node):
        return made[value]
    if isinstance(value, tuple) and value and all(isinstance(each, Node) for each in value):
        return tuple(made[each] for each in value)
    return value
