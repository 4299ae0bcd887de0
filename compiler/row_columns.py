"""Which number of the row a computed one is."""

from collections.abc import Callable
from typing import TypeVar

from compiler.ir.nodes import Concatenate, Float32, Load, MapPair, Node, RefuseMissing, Row, Select
from device_contract.plan.format import Function

Origin = TypeVar("Origin")


def traced(node: Node, origins: Callable[[Node], list[Origin]]) -> list[Origin]:
    """Return where each number of a node comes from, through nodes that only move numbers.

    Args:
        node: The node.
        origins: Tells it of a node that does more than that, for each of its numbers.
    """
    if isinstance(node, RefuseMissing | Float32 | Load):
        return traced(node.source, origins)
    if isinstance(node, Select):
        columns = traced(node.source, origins)
        return [columns[index] for index in node.indices]
    if isinstance(node, Concatenate):
        return [column for part in node.parts for column in traced(part, origins)]
    return origins(node)


def row_columns(node: Node) -> list[int | None]:
    """Return which column of the row each number of a node is; ``None`` for one that is computed."""
    return traced(node, _columns)


def _columns(node: Node) -> list[int | None]:
    if isinstance(node, Row):
        return list(range(node.width))
    number = _or_missing(node)
    return [None] * node.width if number is None else row_columns(number)


def _or_missing(node: Node) -> Node | None:
    """Return x of x * present / present, which is x or NaN: a number, or what another stands for that is missing."""
    if not (isinstance(node, MapPair) and node.function == Function.DIVIDE and isinstance(node.left, MapPair)):
        return None
    product = node.left
    return product.left if product.function == Function.MULTIPLY and product.right is node.right else None
