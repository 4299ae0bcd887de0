"""Frames: rows of features from a stream of samples, on the device and in the compiler by the same code."""

from device_contract.frames.frame import STATISTICS, Band, Channel, Frame, FrameFeature
from device_contract.frames.framer import Framer

__all__ = ["STATISTICS", "Band", "Channel", "Frame", "FrameFeature", "Framer"]
