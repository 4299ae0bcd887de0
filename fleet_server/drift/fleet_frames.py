"""The fleet's common movement in one window as bytes: the chart's history, and late devices' measure."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import Levels
from detectors.charts import Charts
from detectors.judgement import Judgement


class FleetFrame(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One window of one half; ``G`` groups, ``K`` charts, arrays as little-endian bytes."""

    half: str
    """``features`` or ``outputs``."""
    groups: tuple[str, ...]
    words: tuple[str, ...]
    """(G,)."""
    streams: tuple[str, ...]
    """(K,): each chart's stream."""
    roles: tuple[str, ...]
    """(K,): ``feature`` or ``output``."""
    channels: tuple[str, ...]
    """(K,)."""
    movement: bytes
    """(G, K), float64."""
    ratios: bytes
    """(G, K), float32: towards the level, with its sign."""
    moving: bytes
    """(G, K), float32: share of the devices that are alarmed against their own past."""
    levels: tuple[float, float, float]
    """At which a device's charts alarmed: training, own, peers; in standard deviations of a moving average."""

    @property
    def shown(self) -> NDArray[np.intp]:
        """The charts that belong to this half; those of all features together stand in both."""
        role = "output" if self.half == "outputs" else "feature"
        return np.flatnonzero(np.array(self.roles) == role)

    def array(self, name: str) -> NDArray[np.float64]:
        """Return one of the arrays, (G, K)."""
        kind = "<f8" if name == "movement" else "<f4"
        flat = np.frombuffer(getattr(self, name), kind)
        return flat.reshape(len(self.groups), len(self.channels)).astype(np.float64)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(FleetFrame)


def encode_fleet(half: str, judgement: Judgement, levels: Levels) -> bytes:
    """Encode what a judgement of a half says of the fleet, and the levels it was made at."""
    charts = judgement.charts
    frame = FleetFrame(
        half=half,
        groups=judgement.groups,
        words=tuple(judgement.fleet_words.tolist()),
        streams=tuple(charts.streams[stream] for stream in charts.stream),
        roles=tuple("output" if is_output else "feature" for is_output in charts.output),
        channels=tuple(charts.channel.tolist()),
        movement=judgement.movement.astype("<f8").tobytes(),
        ratios=judgement.fleet_ratios.astype("<f4").tobytes(),
        moving=judgement.moving.astype("<f4").tobytes(),
        levels=(levels.training, levels.own, levels.peers),
    )
    return _ENCODER.encode(frame)


def decode_fleet(data: bytes) -> FleetFrame:
    """Decode what ``encode_fleet`` gave."""
    return _DECODER.decode(data)


def earlier_judgement(charts: Charts, frame: FleetFrame) -> Judgement | None:
    """Return the judgement of a window's first call, without its devices, for those that come late.

    None where the window was judged by other charts: by an earlier release of the detectors.
    """
    k, g = charts.n_charts, len(frame.groups)
    if tuple(charts.channel.tolist()) != frame.channels:
        return None
    none = np.zeros((0, 3, k), np.float32)
    return Judgement(
        charts=charts,
        devices=np.zeros(0, np.str_),
        words=np.zeros((0, 3), np.str_),
        reasons=np.zeros((0, 3), np.str_),
        severity=none[..., 0],
        ratios=none,
        compared=none.astype(np.bool_),
        alarmed=none.astype(np.bool_),
        differences=none[:, 0],
        groups=frame.groups,
        fleet_words=np.array(frame.words, np.str_),
        fleet_reasons=np.full(g, "", np.str_),
        fleet_severity=np.zeros(g, np.float32),
        fleet_ratios=frame.array("ratios").astype(np.float32),
        fleet_alarmed=np.zeros((g, k), np.bool_),
        movement=frame.array("movement"),
        moving=frame.array("moving").astype(np.float32),
        sizes=np.zeros(g, np.intp),
    )
