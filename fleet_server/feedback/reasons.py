"""Why a label is refused, or stored and not yet counted: each with what to do about it."""

from typing import Final, Literal

RefusalReason = Literal[
    "unknown_device",
    "unknown_version",
    "no_key",
    "bad_row",
    "bad_time",
    "future_time",
    "no_label",
    "bad_label",
    "unknown_class",
    "bad_weight",
    "bad_prediction",
    "several_outputs",
    "waited_too_long",
    "window_forgotten",
]
"""The label is not stored, or not any more."""

WaitReason = Literal["no_prediction", "no_time", "no_window", "window_forgotten", "row_never_scored"]
"""The label is stored, and counted as soon as what it lacks arrives."""

MEANINGS: Final[dict[RefusalReason | WaitReason, str]] = {
    "unknown_device": "No device has this id: take the ids of `leeway-fleet devices list`.",
    "unknown_version": "The model has no such version, or none scored then: name the version that scored the row.",
    "no_key": "Neither `row` nor `time_ms` says which row it is the truth of.",
    "bad_row": "`row` is no whole number above 0: take the numbers that the device prints.",
    "bad_time": "`time_ms` is no whole number: give Unix milliseconds.",
    "future_time": "`time_ms` lies more than a day ahead of the server: give Unix milliseconds, in UTC.",
    "no_label": "There is no `label`: leave the row out until its truth is known.",
    "bad_label": "The model predicts a number, and `label` is none that is finite: give it in the output's unit.",
    "unknown_class": "The model has no such class: give labels as the manifest lists them.",
    "bad_weight": "`weight` is no number above 0: leave it out, or give one up to a million.",
    "bad_prediction": "`prediction` or `outputs` do not fit the model's outputs: give what the model gave, or nothing.",
    "several_outputs": "The model predicts several numbers for a row, and a label is one.",
    "waited_too_long": "What it lacked did not come within `feedback_days`: it was stored, and is forgotten.",
    "no_prediction": "Nobody said what the model predicted: send `prediction` or `outputs`, or let rows be sampled.",
    "no_time": "The row's time is not known: send `time_ms` with it, or let rows be sampled.",
    "no_window": "No window of this device and version covers its time: it counts when the window's report comes.",
    "window_forgotten": "Its window came more than `feedback_days` ago and is forgotten: keep more, or be quicker.",
    "row_never_scored": "The device has not scored that many rows: it counts once it has, if the number is right.",
}
"""Every reason, and what to do."""
