"""The device: verifies a model, scores rows, reports statistics.

Two doors for applications. ``Scorer`` is a model and nothing else::

    scorer = Scorer.open("pump-1.2-portable.bundle")
    scorer.score([7.5, 0.2, 31.0])

``Agent`` is a device of a fleet: see ``edge_agent.agent``.
"""

from typing import TYPE_CHECKING, Any

from edge_agent.scoring.scorer import Scorer

if TYPE_CHECKING:
    from edge_agent.agent import Agent

__all__ = ["Agent", "Scorer"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attribute)
    """Import the agent when it is asked for: whoever only scores needs no MQTT."""
    if name == "Agent":
        from edge_agent.agent import Agent  # noqa: PLC0415  (see above)

        return Agent
    raise AttributeError(f"module 'edge_agent' has no attribute {name!r}")
