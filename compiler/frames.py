"""Features of frames of a stream, as the first step of a scikit-learn pipeline.

The same code computes them on the device (``device_contract.frames``), so what a model was
trained on is what it scores, to the last bit::

    frames = FrameFeatures(["x", "y"], sample_rate_hz=1000, length=256, hop=128, bands=[(10, 50)])
    model = make_pipeline(frames, RandomForestClassifier())
    model.fit(windows(stream, 256, 128), labels)
"""

import operator
from collections.abc import Sequence
from typing import Any, Self, get_args

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from device_contract.errors import ManifestError
from device_contract.frames import STATISTICS, Frame, FrameFeature, Framer

_STREAM_DIMENSIONS = 2
_PLACES = {name: place for place, name in enumerate(get_args(FrameFeature))}


class FrameFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Computes the features of frames.

    Each row of ``X`` is one frame, channel by channel: (n_frames, n_channels * length), as
    ``windows`` cuts them from a stream. Numbers are taken as float32, as sensors give them on the
    device. NaN is a missing sample.

    Args:
        channels: The channels' names, in order.
        sample_rate_hz: Samples a second.
        length: Samples of a frame.
        hop: Samples from one frame's first to the next one's, on the device; ``length`` without.
        features: Which features, of ``device_contract.frames.FrameFeature``; all but ``samples`` without.
        bands: Bands of frequencies whose powers are features too: (low, high) in Hz.

    Attributes:
        n_features_in_: Numbers in a row of ``X``.
    """

    def __init__(  # noqa: PLR0913  (parameters, as scikit-learn wants them)
        self,
        channels: Sequence[str],
        *,
        sample_rate_hz: float,
        length: int,
        hop: int | None = None,
        features: Sequence[FrameFeature] = STATISTICS,
        bands: Sequence[tuple[float, float]] = (),
    ) -> None:
        self.channels = channels
        self.sample_rate_hz = sample_rate_hz
        self.length = length
        self.hop = hop
        self.features = features
        self.bands = bands

    def frame(self) -> Frame:
        """Return what is computed, checked.

        Raises:
            ValueError: The parameters contradict themselves, or exceed a limit.
        """
        try:
            described = {
                "sample_rate_hz": float(self.sample_rate_hz),
                "length": operator.index(self.length),
                "hop": operator.index(self.length if self.hop is None else self.hop),
                "channels": [{"name": name} for name in self.channels],
                "features": sorted(self.features, key=lambda name: _PLACES.get(name, len(_PLACES))),
                "bands": [{"low_hz": float(low), "high_hz": float(high)} for low, high in self.bands],
            }
            frame = msgspec.convert(described, Frame)
            frame.check()
        except (ManifestError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"FrameFeatures: {error}") from error
        return frame

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ANN401, ARG002, N803  (as scikit-learn calls them)
        """Learn nothing; check the parameters and the width of ``X``."""
        self._frames_of(X, reset=True)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803  (as scikit-learn calls it)
        """Compute the features.

        Args:
            X: (n_frames, n_channels * length).

        Returns:
            (n_frames, n_features), float64 that hold the device's float32.

        Raises:
            ValueError: ``X`` has another width.
        """
        check_is_fitted(self)
        framer = Framer(self.frame())
        rows = np.frombuffer(framer.rows(self._frames_of(X, reset=False).data), np.float32)
        return rows.reshape(-1, framer.n_features).astype(np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ANN401, ARG002
        """Return the features' names: ``channel.feature``."""
        return np.array(self.frame().feature_names(), dtype=object)

    def _frames_of(self, frames: ArrayLike, *, reset: bool) -> NDArray[np.float32]:
        frame = self.frame()
        rows: NDArray[np.float32] = validate_data(
            self, frames, dtype=np.float32, order="C", ensure_all_finite=False, reset=reset
        )
        if rows.shape[1] != len(frame.channels) * frame.length:
            expected = f"{len(frame.channels)} channels x {frame.length} samples"
            raise ValueError(f"FrameFeatures: a row of X has {rows.shape[1]} numbers; expected {expected}")
        return rows

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401  (scikit-learn's own type)
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def windows(stream: ArrayLike, length: int, hop: int | None = None) -> NDArray[np.float32]:
    """Cut a stream into frames; what is left at the end is dropped.

    The last sample of frame i is ``length - 1 + i * hop``.

    Args:
        stream: (n_samples, n_channels), in the order of time.
        length: Samples of a frame.
        hop: Samples from one frame's first to the next one's; ``length`` without.

    Returns:
        (n_frames, n_channels * length), channel by channel.

    Raises:
        ValueError: The stream is no table, or the sizes are not positive.
    """
    samples = np.asarray(stream, dtype=np.float32)
    step = length if hop is None else hop
    if samples.ndim != _STREAM_DIMENSIONS or min(length, step) < 1:
        raise ValueError(f"windows: a stream is (samples, channels), not {samples.shape}; length and hop are positive")
    n_channels = samples.shape[1]
    if len(samples) < length:
        return np.empty((0, n_channels * length), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)[::step]
    return frames.reshape(len(frames), n_channels * length)
