"""Comparisons: two devices, two versions or two periods of a model, stream by stream."""
