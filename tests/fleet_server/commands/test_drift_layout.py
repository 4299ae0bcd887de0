"""How ``leeway-fleet drift show`` lays out what the API says."""

import json
import sys

import pytest

from fleet_server.commands.drift import COMPARISONS, record_of
from fleet_server.commands.output import Answer, show

QUIET = {
    "verdict": "stable",
    "features": [],
    "outputs": [],
    "severity": 0.1,
    "since_ms": 0,
    "cause": "",
    "sentence": "as ever.",
    "advice": "",
    "evidence": {},
}
CHANNELS = ("location", "scale", "low_tail", "high_tail", "missing", "repeats", "out_of_range", "shape", "t2", "q")
PRESSURE = {
    "drifts": True,
    "channels": {
        "location": {"severity": 1.75, "drifts": True, "difference": 0.5},
        "missing": {"severity": 0.0, "drifts": False, "difference": None},
        "shape": {"severity": None, "drifts": False, "difference": None},
    },
    "effect_sizes": {"population_stability_index": 0.625, "mean_shift_sd": -0.375},
}
OWN = {
    **QUIET,
    "verdict": "drift",
    "features": ["pressure"],
    "cause": "offset",
    "sentence": "pressure moved.",
    "advice": "Calibrate it.",
    "evidence": {"pressure": PRESSURE},
}
BODY = {"device_id": "pump-7", "model": "power", "version": "2", **dict.fromkeys(COMPARISONS, QUIET), "own": OWN}


def test_the_evidence_is_a_line_a_stream(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer(BODY, record=record_of(BODY)), as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["pressure", "location", "location=1.75,", "missing=0", "0.625", "-0.375"] in lines
    assert ["advice", "Calibrate", "it."] in lines


def test_all_channels_of_a_stream_fit_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    channels = {name: {"severity": -0.0625, "drifts": False, "difference": None} for name in CHANNELS}
    evidence = {"outdoor_temperature": {**PRESSURE, "channels": channels}}
    body = {**BODY, "own": {**OWN, "evidence": evidence}}
    show(Answer(body, record=record_of(body)), as_json=False)
    shown = capsys.readouterr().out.splitlines()
    (stream,) = (line for line in shown if "outdoor_temperature" in line)
    assert stream.startswith("outdoor_temperature  -")


def test_json_is_the_answer_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer(BODY, record=record_of(BODY)), as_json=True)
    assert json.loads(capsys.readouterr().out) == BODY


def test_a_device_without_verdicts_is_laid_out_too() -> None:
    nothing = {**QUIET, "verdict": "learning", "sentence": "There is nothing to judge yet."}
    record = record_of({**BODY, **dict.fromkeys(COMPARISONS, nothing)})
    assert [row["against"] for row in record["verdicts"]] == list(COMPARISONS)


def test_several_pieces_of_advice_are_sentences() -> None:
    body = {**BODY, "peers": {**QUIET, "advice": "Look whether it is online."}}
    assert record_of(body)["advice"] == "Calibrate it. Look whether it is online."
