"""Finds each device's past, and puts it back: devices join, leave, skip windows and change versions."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Bools
from detectors.charts import Charts
from detectors.state import DevicePasts, State, no_pasts
from detectors.windows import WindowArrays


@dataclass(frozen=True, eq=False)
class Roster:
    """Where the devices of a window stand in the state."""

    place: NDArray[np.intp]
    """(n,): a new device's place is behind those known before."""
    n_known: int


def find(charts: Charts, state: State, window: WindowArrays) -> tuple[Roster, DevicePasts]:
    """Return the pasts of a window's devices; outputs of another version are forgotten."""
    order = np.argsort(state.devices)
    at = np.searchsorted(state.devices, window.devices, sorter=order)
    candidate = order[np.minimum(at, max(len(order) - 1, 0))] if len(order) else np.zeros(len(at), np.intp)
    known = state.devices[candidate] == window.devices if len(order) else np.zeros(len(at), np.bool_)
    place = np.where(known, candidate, len(state.devices) + np.cumsum(~known) - 1)
    held = state.pasts if known.all() else _grown(state.pasts, no_pasts(charts, state.phases, int((~known).sum())))
    same = np.zeros(len(place), np.bool_)
    same[known] = state.versions[candidate[known]] == window.versions[known]
    is_as_before = same.all() and np.array_equal(place, np.arange(len(held.windows)))
    pasts = held if is_as_before else _forget_outputs(charts, held.select(place), ~same)
    return Roster(place, len(state.devices)), pasts


def put_back(roster: Roster, state: State, window: WindowArrays, pasts: DevicePasts) -> State:
    """Return the state with the pasts of a window's devices replaced."""
    new = roster.place >= roster.n_known
    if new.sum() + roster.n_known == len(new):  # all are in the window
        return replace(state, devices=window.devices, versions=window.versions, pasts=pasts)
    devices = np.concatenate([state.devices, window.devices[new]])
    versions = np.concatenate([state.versions, window.versions[new]]).astype(
        np.result_type(state.versions, window.versions)
    )
    versions[roster.place] = window.versions
    arrays: dict[str, Any] = {}
    for name, values in pasts.arrays().items():
        whole = np.zeros((len(devices), values.shape[1]), values.dtype)
        whole[: roster.n_known] = getattr(state.pasts, name)
        whole[roster.place] = values
        arrays[name] = whole
    return replace(state, devices=devices, versions=versions, pasts=DevicePasts(**arrays))


def _grown(pasts: DevicePasts, more: DevicePasts) -> DevicePasts:
    joined = more.arrays()
    return DevicePasts(**{name: np.concatenate([values, joined[name]]) for name, values in pasts.arrays().items()})


def _forget_outputs(charts: Charts, pasts: DevicePasts, rows: Bools) -> DevicePasts:
    """Forget what is known of the outputs of these devices: another version makes other outputs."""
    m, c, s = charts.n_measured, charts.n_counted, charts.n_streams
    outputs = charts.output
    masks = {
        "center": outputs[:m],
        "precision": outputs[:m],
        "hits": outputs[m : m + c],
        "trials": outputs[m : m + c],
        "shares": np.repeat(outputs[:s], charts.n_bins),
        "shares_rows": outputs[:s],
        "squares": outputs,
        "freedom": outputs,
        "own": outputs,
        "apart": outputs,
        "training": outputs,
        "alarmed": np.tile(outputs, 3),
        "lag1": outputs[:s],
        "lag1_rows": outputs[:s],
        "season": np.tile(outputs[:s], pasts.season.shape[1] // s),
    }
    arrays = pasts.arrays()
    for name, mask in masks.items():
        arrays[name][np.ix_(rows, mask)] = 0
    return DevicePasts(**arrays)
