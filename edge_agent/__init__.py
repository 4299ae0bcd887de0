"""The device: verifies a model, scores rows, reports statistics."""
