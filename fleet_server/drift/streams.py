"""The peers' verdict of one device: a ``peers.PeerState`` for each of its streams."""

from collections.abc import Mapping

import msgspec

from fleet_server.drift.peers import PeerState, StreamValue, difference, finding, take_difference
from fleet_server.drift.verdict import Verdict, sum_up
from fleet_server.drift.windows import DeviceWindow


class StreamStates(msgspec.Struct, frozen=True, array_like=True):
    """The past of a device's streams.

    That of the features outlives a change of the model's version, since a sensor does not
    know the model; that of the outputs starts anew.
    """

    features: dict[str, PeerState] = {}
    version: str = ""
    outputs: dict[str, PeerState] = {}


def take_windows(
    states: StreamStates, device_id: str, windows: Mapping[str, DeviceWindow]
) -> tuple[StreamStates, Verdict]:
    """Take in one window of a device and its peers.

    Args:
        states: The state before.
        device_id: The device to judge.
        windows: The window by device, the judged one's included.
    """
    own = windows[device_id]
    features = {device: window.features for device, window in windows.items()}
    outputs = {device: window.outputs.get(own.version, {}) for device, window in windows.items()}
    past = states.outputs if states.version == own.version else {}
    states = StreamStates(
        _take_streams(states.features, device_id, features, own.deviations),
        own.version,
        _take_streams(past, device_id, outputs, own.deviations),
    )
    return states, _verdict(states, own.deviations)


def _take_streams(
    states: dict[str, PeerState],
    device_id: str,
    values: Mapping[str, Mapping[str, StreamValue]],
    deviations: Mapping[str, float],
) -> dict[str, PeerState]:
    taken = dict(states)
    for name in values[device_id]:
        column = {device: streams[name] for device, streams in values.items() if name in streams}
        found = difference(device_id, column)
        if found is not None:
            taken[name] = take_difference(states.get(name, PeerState()), found, deviations[name])
    return taken


def _verdict(states: StreamStates, deviations: Mapping[str, float]) -> Verdict:
    known = {name: state for name, state in states.features.items() if name in deviations}
    findings = [finding(name, "feature", state) for name, state in known.items()]
    findings += [finding(name, "output", state) for name, state in states.outputs.items()]
    return sum_up(findings, learning=not known or any(state.is_learning for state in known.values()))
