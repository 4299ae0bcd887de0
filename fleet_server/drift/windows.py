"""What the peers' comparison keeps of a window: each stream's number of values and mean."""

import msgspec

from device_contract.baseline import Baseline
from device_contract.sketches.summary import WindowSummary
from fleet_server.drift.peers import StreamValue


class DeviceWindow(msgspec.Struct, frozen=True, array_like=True):
    """One device's window, whichever versions scored it.

    The features do not depend on the model, so the parts that two versions saw of one window
    are pooled. Outputs are kept by version: only the same version's are alike.
    """

    version: str
    """Of the latest part."""
    features: dict[str, StreamValue]
    outputs: dict[str, dict[str, StreamValue]]
    """By version and name."""
    deviations: dict[str, float]
    """Each stream's standard deviation in training."""


def summarise(version: str, baseline: Baseline, summary: WindowSummary) -> DeviceWindow:
    """Keep of a report what the comparison needs."""
    values: dict[str, dict[str, StreamValue]] = {"feature": {}, "output": {}}
    for stream, sketch in zip(baseline.streams, summary.streams, strict=True):
        if stream.kind == "number" and sketch.finite and stream.standard_deviation > 0.0:
            values[stream.role][stream.name] = StreamValue(sketch.finite, sketch.mean)
    deviations = {stream.name: stream.standard_deviation for stream in baseline.streams}
    return DeviceWindow(version, values["feature"], {version: values["output"]}, deviations)


def pool(earlier: DeviceWindow, later: DeviceWindow) -> DeviceWindow:
    """Join two parts of one device's window."""
    outputs = {
        version: _pool_streams(earlier.outputs.get(version, {}), later.outputs.get(version, {}))
        for version in earlier.outputs | later.outputs
    }
    return DeviceWindow(
        later.version,
        _pool_streams(earlier.features, later.features),
        outputs,
        earlier.deviations | later.deviations,
    )


def encode_window(window: DeviceWindow) -> bytes:
    """Encode for the database."""
    return msgspec.msgpack.encode(window)


def decode_window(data: bytes) -> DeviceWindow:
    """Decode what ``encode_window`` gave."""
    return msgspec.msgpack.decode(data, type=DeviceWindow)


def _pool_streams(earlier: dict[str, StreamValue], later: dict[str, StreamValue]) -> dict[str, StreamValue]:
    return earlier | {
        name: _pool_values(earlier[name], value) if name in earlier else value for name, value in later.items()
    }


def _pool_values(a: StreamValue, b: StreamValue) -> StreamValue:
    count = a.count + b.count
    return StreamValue(count, (a.count * a.mean + b.count * b.mean) / count)
