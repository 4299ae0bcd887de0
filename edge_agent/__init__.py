"""The device: verifies a model, scores rows, reports statistics.

The door for applications is ``Scorer``::

    scorer = Scorer.open("pump-1.2-portable.bundle")
    scorer.score([7.5, 0.2, 31.0])
"""

from edge_agent.scoring.scorer import Scorer

__all__ = ["Scorer"]
