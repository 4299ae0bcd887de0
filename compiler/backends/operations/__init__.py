"""Nodes to a plan's operations: one file for each family of nodes."""

from compiler.backends.operations import distances, elementwise, linear, moves, trees  # noqa: F401  (each fills the registry)
from compiler.backends.operations.emission import Emission, operation_for

__all__ = ["Emission", "operation_for"]
