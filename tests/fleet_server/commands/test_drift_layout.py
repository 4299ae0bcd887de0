"""How ``leeway-fleet drift show`` lays out what the API says."""

import json

import pytest

from fleet_server.commands.drift import COMPARISONS, record_of
from fleet_server.commands.output import Answer, show

QUIET = {"verdict": "stable", "features": [], "outputs": [], "severity": 0.1, "since_ms": 0, "evidence": {}}
TRAINING = {
    **QUIET,
    "verdict": "drift",
    "features": ["pressure"],
    "sentence": "pressure moved.",
    "evidence": {
        "pressure": {
            "channels": {
                "shape": {"value": 1.75, "threshold": 1.5, "drifts": True},
                "missing": {"value": 0.0, "threshold": 1.25, "drifts": False},
            },
            "rows": 60,
            "effective_rows": 6.5,
            "effect_sizes": {"population_stability_index": 0.625, "mean_shift_sd": -0.375},
        },
        "silent": {"channels": {"missing": {"value": 2.5, "threshold": 1.25, "drifts": True}}, "rows": 0},
    },
}
PEERS = {
    **QUIET,
    "sentence": "as ever.",
    "evidence": {"pressure": {"value": 0.125, "threshold": 0.25, "drifts": False, "windows": 90}},
}
BODY = {"device_id": "pump-7", "model": "power", "version": "2", "training": TRAINING, "peers": PEERS}


def test_the_evidence_is_a_line_a_stream(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer(BODY, record=record_of(BODY)), as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["pressure", "shape", "1.75", "0", "1.5", "6.5", "0.625", "-0.375"] in lines
    assert ["silent", "missing", "-", "2.5", "1.25", "-", "-", "-"] in lines
    assert ["pressure", "0.125", "0.25", "no", "90"] in lines


def test_json_is_the_answer_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer(BODY, record=record_of(BODY)), as_json=True)
    assert json.loads(capsys.readouterr().out) == BODY


def test_a_device_without_verdicts_is_laid_out_too() -> None:
    nothing = {**QUIET, "verdict": "learning", "sentence": "There is nothing to judge yet."}
    record = record_of({**BODY, "training": nothing, "peers": nothing})
    assert [row["against"] for row in record["verdicts"]] == list(COMPARISONS)
