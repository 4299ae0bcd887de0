"""The sample of a model of frames: a stream, cut into frames, whose features are the model's rows."""

from dataclasses import replace

import msgspec
import numpy as np

from compiler.columns import Column
from compiler.errors import SampleError
from compiler.frames import windows
from compiler.frontends.source import Signature
from compiler.sample import Sample, arrange
from compiler.schema import Schema
from device_contract.frames import Channel, Frame, Framer
from device_contract.manifest import Feature


def arrange_frames(
    columns: tuple[Column, ...], sha256: str, signature: Signature, frame: Frame, schema: Schema
) -> Sample:
    """Compute a model's rows from a stream, and describe the channels and the features.

    Args:
        columns: The channels of a stream, one sample a row; or, without names, whole frames as
            ``compiler.frames.FrameFeatures`` takes them.
        sha256: Digest of the sample.
        signature: What the model takes behind its frame.
        frame: The frame.
        schema: Describes the channels and the outputs.

    Raises:
        SampleError: Channels are missing, superfluous or text, or the stream is shorter than a frame.
    """
    are_frames = len(columns) == len(frame.channels) * frame.length and not any(column.name for column in columns)
    names = tuple(channel.name for channel in frame.channels)
    takes_channels = replace(signature, n_features=len(names), feature_names=names, categories=())
    stream = arrange(_by_channel(columns, frame) if are_frames else columns, sha256, takes_channels, schema)
    frames = windows(stream.rows, frame.length, frame.length if are_frames else frame.hop)
    if not len(frames):
        raise SampleError(f"the sample has {len(stream.rows)} samples, a frame of the model takes {frame.length}")
    described = msgspec.structs.replace(frame, channels=tuple(map(_channel, stream.features)))
    rows = arrange(_features(described, frames), sha256, signature, Schema())
    return replace(rows, ignored=stream.ignored, frame=described)


def _by_channel(columns: tuple[Column, ...], frame: Frame) -> tuple[Column, ...]:
    """Join the samples of each channel of whole frames."""
    frames = np.column_stack([column.values for column in columns])
    channels = frames.reshape(-1, len(frame.channels), frame.length).swapaxes(1, 2).reshape(-1, len(frame.channels))
    return tuple(Column("", values) for values in channels.T)


def _features(frame: Frame, frames: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[Column, ...]:
    rows = np.frombuffer(Framer(frame).rows(frames.data), np.float32).reshape(len(frames), -1)
    described = zip(frame.feature_names(), frame.feature_units(), rows.T, strict=True)
    return tuple(Column(name, values.astype(np.float64), unit=unit) for name, unit, values in described)


def _channel(feature: Feature) -> Channel:
    if feature.kind != "number":
        raise SampleError(f"channel {feature.name!r} holds categories; a frame takes numbers")
    return Channel(name=feature.name, unit=feature.unit, minimum=feature.minimum, maximum=feature.maximum)
