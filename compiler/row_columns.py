"""Which number of the row a computed one is."""

from compiler.ir.nodes import Concatenate, Float32, Load, MapPair, Node, RefuseMissing, Row, Select
from device_contract.plan.format import Function


def row_columns(node: Node) -> list[int | None]:
    """Return which column of the row each number of a node is; ``None`` for one that is computed."""
    if isinstance(node, Row):
        return list(range(node.width))
    if isinstance(node, RefuseMissing | Float32 | Load):
        return row_columns(node.source)
    if isinstance(node, Select):
        columns = row_columns(node.source)
        return [columns[index] for index in node.indices]
    if isinstance(node, Concatenate):
        return [column for part in node.parts for column in row_columns(part)]
    number = _or_missing(node)
    return [None] * node.width if number is None else row_columns(number)


def _or_missing(node: Node) -> Node | None:
    """Return x of x * present / present, which is x or NaN: a number, or what another stands for that is missing."""
    if not (isinstance(node, MapPair) and node.function == Function.DIVIDE and isinstance(node.left, MapPair)):
        return None
    product = node.left
    return product.left if product.function == Function.MULTIPLY and product.right is node.right else None
