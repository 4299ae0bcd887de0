"""Questions to the archive that have a name, as Ibis expressions: each backend gets them in its own SQL.

A question is a function from the windows (those that are asked for) to a table. To add one, write
it here and name it in ``NAMED``; the guide for ML engineers has a line for each.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import ibis
from ibis.expr.types import NumericValue, Table

Question = Callable[[Table], Table]


def asked_for(windows: Table, *, model: str | None, since: datetime | None, until: datetime | None) -> Table:
    """Return the windows of a model and of a time, by their start.

    The day is compared too, so that a backend need not open the files of other days.
    """
    if model is not None:
        windows = windows.filter(windows.model == model)
    if since is not None:
        windows = windows.filter(windows.window_start >= since, windows.day >= since.date())
    if until is not None:
        windows = windows.filter(windows.window_start < until, windows.day <= until.date())
    return windows


def drift_by_day(windows: Table) -> Table:
    """Tell for each day, model and stream how far the fleet's mean is from training, and how far its devices are.

    ``shift_sd`` is the shift of the mean of all rows, in training standard deviations,
    ``widest_shift_sd`` that of the device that is furthest away; ``sd_ratio`` is the standard
    deviation of all rows over training's.
    """
    by_device = windows.group_by("day", "model", "stream", "role", "device_id").agg(**_pooled(windows))
    shift = (by_device["mean"] - by_device.training_mean) / by_device.training_standard_deviation.nullif(0.0)
    by_device = by_device.mutate(shift_sd=shift)
    mean = _weighted(by_device["mean"], by_device.finite)
    squares = _weighted(by_device["squares"], by_device.finite)
    scale = by_device.training_standard_deviation.mean().nullif(0.0)
    days = by_device.group_by("day", "model", "stream", "role").agg(
        devices=by_device.device_id.nunique(),
        rows=by_device.rows.sum(),
        missing_share=by_device.missing.sum() / by_device.rows.sum().nullif(0),
        mean=mean,
        shift_sd=(mean - by_device.training_mean.mean()) / scale,
        widest_shift_sd=by_device.shift_sd.abs().max(),
        sd_ratio=ibis.greatest(squares - mean * mean, 0.0).sqrt() / scale,
    )
    return days.order_by("day", "model", "role", "stream")


def devices_by_day(windows: Table) -> Table:
    """Tell for each day, model and device how much it scored, with which versions, and what was missing."""
    reports = windows.group_by("day", "model", "device_id", "version", "boot_id", "sequence").agg(
        rows=windows.rows.max(),  # each stream of a window repeats it
        missing=windows.missing.sum(),
        out_of_range=windows.out_of_range.sum(),
        window_start=windows.window_start.max(),
    )
    days = reports.group_by("day", "model", "device_id").agg(
        versions=reports.version.nunique(),
        windows=reports.count(),
        rows=reports.rows.sum(),
        missing=reports.missing.sum(),
        out_of_range=reports.out_of_range.sum(),
        last_window_start=reports.window_start.max(),
    )
    return days.order_by("day", "model", "device_id")


def lateness_by_day(windows: Table) -> Table:
    """Tell for each day and model how long after its end a window arrived, in hours."""
    seconds = windows.received.epoch_seconds() - windows.window_end.epoch_seconds()
    hours = seconds / 3600.0
    days = windows.group_by("day", "model").agg(
        devices=windows.device_id.nunique(), mean_hours=hours.mean(), longest_hours=hours.max()
    )
    return days.order_by("day", "model")


NAMED: Final[Mapping[str, Question]] = {
    "drift-by-day": drift_by_day,
    "devices-by-day": devices_by_day,
    "lateness-by-day": lateness_by_day,
}


def _pooled(windows: Table) -> dict[str, ibis.Value]:
    """Return the sums over a group of windows that do not depend on how the rows were cut into windows."""
    second_moment = windows.standard_deviation * windows.standard_deviation + windows["mean"] * windows["mean"]
    return {
        "rows": windows.rows.sum(),
        "finite": windows.finite.sum(),
        "missing": windows.missing.sum(),
        "mean": _weighted(windows["mean"], windows.finite),
        "squares": _weighted(second_moment, windows.finite),
        "training_mean": windows.training_mean.mean(),
        "training_standard_deviation": windows.training_standard_deviation.mean(),
    }


def _weighted(value: NumericValue, weight: NumericValue) -> NumericValue:
    return (value * weight).sum() / weight.sum().nullif(0)
