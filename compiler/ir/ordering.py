"""The order in which a graph's nodes are computed: each once, after what it is made from."""

from dataclasses import dataclass

from compiler.ir.fusion import MAX_DOT_WIDTH, simplify
from compiler.ir.nodes import Graph, Linear, Load, Node, RefuseMissing, Row, Select, TreeEnsemble


@dataclass(frozen=True, eq=False)
class Step:
    """A node in its simplest form, and the steps that it takes its operands from."""

    node: Node
    operands: tuple["Step", ...]


def order(graph: Graph) -> tuple[Step, ...]:
    """Return the steps of a graph, the output's last.

    Without recursion: a network may be deeper than Python's stack.
    """
    ordering = _Ordering(graph.row)
    output = ordering.as_values(graph.output)
    stack: list[Node] = [output]
    while stack:
        waiting = [node for node in ordering.operands(stack[-1]) if node not in ordering.steps]
        if waiting:
            stack += reversed(waiting)
        else:
            ordering.place(stack.pop())
    return tuple(ordering.steps.values())


class _Ordering:
    def __init__(self, row: Row) -> None:
        self.steps: dict[Node, Step] = {}
        self._row = row
        self._simple: dict[Node, Node] = {}
        self._loads: dict[Node, Load] = {}

    def operands(self, node: Node) -> tuple[Node, ...]:
        """Return what a node's simplest form is made from."""
        simple = self._simplified(node)
        if _may_read_row(simple):
            return simple.operands
        return tuple(self.as_values(operand) for operand in simple.operands)

    def as_values(self, node: Node) -> Node:
        """Return a node, or the load of it if it is the row: most operations read values only."""
        return self._loads.setdefault(node, Load(node)) if _is_row(node) else node

    def place(self, node: Node) -> None:
        """Put a node after those that are placed."""
        if node not in self.steps:
            operands = tuple(self.steps[operand] for operand in self.operands(node))
            self.steps[node] = Step(self._simplified(node), operands)

    def _simplified(self, node: Node) -> Node:
        if node not in self._simple:
            self._simple[node] = simplify(node)
        return self._simple[node]


def _is_row(node: Node) -> bool:
    return isinstance(node, Row) or (isinstance(node, RefuseMissing) and _is_row(node.source))


def _may_read_row(node: Node) -> bool:
    if isinstance(node, Linear):
        return len(node.base) <= MAX_DOT_WIDTH
    return isinstance(node, Load | RefuseMissing | Select | TreeEnsemble)
