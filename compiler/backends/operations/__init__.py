"""Nodes to a plan's operations: one file for each family of nodes."""

from compiler.backends.operations import (  # noqa: F401  (each fills the registry)
    distances,
    elementwise,
    linear,
    moves,
    networks,
    piecewise,
    quantized,
    quantized_trees,
    trees,
)
from compiler.backends.operations.emission import Emission, operation_for

__all__ = ["Emission", "operation_for"]
