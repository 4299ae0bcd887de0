"""scikit-learn's estimators that are made of others."""

from typing import Any

from sklearn.pipeline import Pipeline

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Node
from compiler.ir.registry import Lowering, lower, lowers


def _pipeline(method: str) -> Lowering:
    def lowering(pipeline: Any, source: Node) -> Node:
        steps = [step for _, step in pipeline.steps if step is not None and step != "passthrough"]
        if not steps:
            raise UnsupportedModelError("the pipeline has no steps")
        for step in steps[:-1]:
            source = lower(step, "transform", source)
        return lower(steps[-1], method, source)

    return lowering


for _method in ("transform", "predict", "predict_proba", "decision_function", "score_samples"):
    lowers(_method, Pipeline, composes=True)(_pipeline(_method))
