"""Models as a short list of nodes: lowered from estimators and ONNX graphs, fused, and never on disk."""
