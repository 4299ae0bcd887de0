"""What a frame is: the channels that come in, the samples taken together, and the features that come out.

A sensor gives a stream of samples, one number a channel; a model wants one row for each *frame*
of ``length`` samples, a new one every ``hop`` samples. The page is ``docs/formats/frame.md``.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec

from device_contract.errors import ManifestError

MIN_SAMPLE_RATE_HZ: Final = 1e-9
"""A sample in 32 years; with numbers next to 0, bands could not be told apart."""
MAX_SAMPLE_RATE_HZ: Final = 1e9
MAX_CHANNELS: Final = 256
MAX_LENGTH: Final = 1 << 16
MAX_HOP: Final = 1 << 24
MAX_SAMPLES: Final = 1 << 20
"""Samples of all channels in one frame: 4 MiB."""
MAX_BANDS: Final = 256
MAX_ROW: Final = 65_535

FrameFeature = Literal[
    "mean",
    "standard_deviation",
    "rms",
    "minimum",
    "maximum",
    "peak_to_peak",
    "skewness",
    "kurtosis",
    "crest_factor",
    "zero_crossings",
    "samples",
]
STATISTICS: Final[tuple[FrameFeature, ...]] = (
    "mean",
    "standard_deviation",
    "rms",
    "minimum",
    "maximum",
    "peak_to_peak",
    "skewness",
    "kurtosis",
    "crest_factor",
    "zero_crossings",
)
"""The features that are one number a channel, in the order of the row (the bits of ``frame.h``)."""
_ORDER: Final[tuple[FrameFeature, ...]] = (*STATISTICS, "samples")
_WITHOUT_UNIT: Final = frozenset({"skewness", "kurtosis", "crest_factor", "zero_crossings"})


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One number of each sample."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    unit: str = ""
    minimum: float | None = None
    """Smallest plausible value."""
    maximum: float | None = None


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A band of frequencies: from ``low_hz`` up to but without ``high_hz``; half the sample rate is within."""

    low_hz: Annotated[float, msgspec.Meta(ge=0)]
    high_hz: Annotated[float, msgspec.Meta(gt=0)]

    @property
    def name(self) -> str:
        """The feature's name behind the channel's: ``band_10_50_hz``."""
        return f"band_{self.low_hz:.12g}_{self.high_hz:.12g}_hz"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream of samples becomes rows of features."""

    sample_rate_hz: Annotated[float, msgspec.Meta(ge=MIN_SAMPLE_RATE_HZ, le=MAX_SAMPLE_RATE_HZ)]
    length: Annotated[int, msgspec.Meta(ge=2, le=MAX_LENGTH)]
    """Samples of a frame."""
    hop: Annotated[int, msgspec.Meta(ge=1, le=MAX_HOP)]
    """Samples from the first of a frame to the first of the next."""
    channels: Annotated[tuple[Channel, ...], msgspec.Meta(min_length=1, max_length=MAX_CHANNELS)]
    features: tuple[FrameFeature, ...] = ()
    """In the order of ``FrameFeature``."""
    bands: Annotated[tuple[Band, ...], msgspec.Meta(max_length=MAX_BANDS)] = ()

    @property
    def n_features(self) -> int:
        """Numbers of a row."""
        samples = self.length - 1 if "samples" in self.features else 0
        return len(self.channels) * (len(self.features) + len(self.bands) + samples)

    def feature_names(self) -> tuple[str, ...]:
        """Return the names of a row's numbers: ``channel.feature``, channel by channel."""
        return tuple(name for name, _ in self._described())

    def feature_units(self) -> tuple[str, ...]:
        """Return their units; that of a band's power is the channel's, squared."""
        return tuple(unit for _, unit in self._described())

    def bins(self) -> tuple[tuple[int, int], ...]:
        """Return for each band its first bin and the one behind its last; bin k is at k * rate / length Hz."""
        return tuple((self._bin_from(band.low_hz), self._bin_behind(band.high_hz)) for band in self.bands)

    def check(self) -> None:
        """Refuse what contradicts itself or exceeds a limit; types and single numbers have been checked.

        Raises:
            ManifestError: It does.
        """
        _refuse_repeats("channel", [channel.name for channel in self.channels])
        _refuse_repeats("band", [band.name for band in self.bands])
        if [name for name in _ORDER if name in self.features] != list(self.features):
            raise ManifestError(f"the frame's features must be in the order {', '.join(_ORDER)}, each once")
        if not self.features and not self.bands:
            raise ManifestError("the frame has neither features nor bands")
        n_samples = len(self.channels) * self.length
        if n_samples > MAX_SAMPLES:
            raise ManifestError(f"a frame of {n_samples} samples, limit {MAX_SAMPLES}")
        if self.n_features > MAX_ROW:
            raise ManifestError(f"a frame of {self.n_features} features, limit {MAX_ROW}")
        for band in self.bands:
            self._check_band(band)

    def _check_band(self, band: Band) -> None:
        highest_hz = self.sample_rate_hz / 2
        if not band.low_hz < band.high_hz <= highest_hz:
            raise ManifestError(f"{band.name}: a band must rise and end at half the sample rate, {highest_hz:g} Hz")
        if self._bin_from(band.low_hz) >= self._bin_behind(band.high_hz):
            bin_hz = self.sample_rate_hz / self.length
            raise ManifestError(f"{band.name} holds no bin of the spectrum; they are {bin_hz:g} Hz apart: lengthen it")

    def _bin_from(self, frequency_hz: float) -> int:
        """Return the first bin that is not below a frequency."""
        guess = int(frequency_hz * self.length / self.sample_rate_hz)
        return next(k for k in (guess - 1, guess, guess + 1, guess + 2) if self._hz(k) >= frequency_hz)

    def _bin_behind(self, frequency_hz: float) -> int:
        return self.length // 2 + 1 if frequency_hz >= self.sample_rate_hz / 2 else self._bin_from(frequency_hz)

    def _hz(self, number: int) -> float:
        return number * self.sample_rate_hz / self.length

    def _described(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the unit of each number of a row."""
        for channel in self.channels:
            for feature in self.features:
                if feature != "samples":
                    yield f"{channel.name}.{feature}", "" if feature in _WITHOUT_UNIT else channel.unit
            for band in self.bands:
                yield f"{channel.name}.{band.name}", f"({channel.unit})²" if channel.unit else ""
            if "samples" in self.features:
                for number in range(self.length):
                    yield f"{channel.name}.sample_{number}", channel.unit


def _refuse_repeats(what: str, names: list[str]) -> None:
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise ManifestError(f"{what} named twice: {repeated!r}")
