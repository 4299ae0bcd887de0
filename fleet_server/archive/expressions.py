"""Questions to the archive that have a name, as Ibis expressions: each backend gets them in its own SQL.

A question is a function from one of the archive's tables (the rows that are asked for) to another. To add
one, write it here and name it in ``NAMED``; the guide for ML engineers has a line for each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import ibis
from ibis.expr.types import NumericValue, Table


@dataclass(frozen=True)
class Question:
    """A question with a name.

    Attributes:
        table: Of the archive.
        time: Its column by whose day the rows lie.
        ask: Makes the answer of the table.
    """

    table: str
    time: str
    ask: Callable[[Table], Table]

    def of(
        self, table: Table, *, model: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Table:
        """Ask it of the rows of a model and of a time.

        The day is compared too, so that a backend need not open the files of other days.
        """
        if model is not None:
            table = table.filter(table.model == model)
        if since is not None:
            table = table.filter(table[self.time] >= since, table.day >= since.date())
        if until is not None:
            table = table.filter(table[self.time] < until, table.day <= until.date())
        return self.ask(table)


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


def verdicts_by_day(verdicts: Table) -> Table:
    """Tell for each day, model and comparison how many verdicts turned to drift, on how many devices, and back."""
    came, went = verdicts.verdict == "drift", verdicts.verdict_before == "drift"
    days = verdicts.group_by("day", "model", "kind").agg(
        came=(came & ~went).ifelse(1, 0).sum(),
        went=(went & ~came).ifelse(1, 0).sum(),
        devices=verdicts.device_id.nunique(where=came),
    )
    return days.order_by("day", "model", "kind")


NAMED: Final[Mapping[str, Question]] = {
    "drift-by-day": Question("windows", "window_start", drift_by_day),
    "devices-by-day": Question("windows", "window_start", devices_by_day),
    "lateness-by-day": Question("windows", "window_start", lateness_by_day),
    "verdicts-by-day": Question("verdicts", "changed", verdicts_by_day),
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
