"""A bundle's model, ready to score: a plan by our own kernels, ONNX by onnxruntime."""
