"""Rules are read whole, or refused in one line."""

import tomllib

import pytest

from fleet_server.alerts.language import default_rules, parse_rules
from fleet_server.errors import InvalidRequestError

WHOLE = """
[[rules]]
name = "accuracy"
signal = "performance.accuracy"
below = 0.9
clear = 0.92
windows = 3
for_s = 3600
cool_down_s = 86400
severity = "warning"
critical = 0.7
owner = "anna"
receivers = ["ops"]
model = "power"
device_id = "turbine-1"
labels = {site = "north"}
together_s = 0
request_retraining = true
enabled = false
"""


def test_every_field_can_be_written_in_toml() -> None:
    (rule,) = parse_rules(tomllib.loads(WHOLE))
    assert (rule.below, rule.clear, rule.receivers, rule.labels) == (0.9, 0.92, ("ops",), {"site": "north"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("below = 0.9\nabove = 1", "exactly one"),
        ("", "exactly one"),
        ("below = nan", "finite"),
        ('below = "low"', "valid number"),
        ("below = 0.9\nwindows = 0", "greater than or equal to 1"),
        ("below = 0.9\nclear = 0.8", "it would flap"),
        ("above = 0.9\nclear = 1.8", "it would flap"),
        ('equals = "x"\ncritical = 1', "go with above or below"),
        ("below = 0.9\nfor = 1", "for"),
        ('below = 0.9\nseverity = "loud"', "severity"),
        ('below = 0.9\nmodel = "Not A Name"', "model"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: str, said: str) -> None:
    text = f'[[rules]]\nname = "a"\nsignal = "performance.accuracy"\n{change}\n'
    with pytest.raises(InvalidRequestError, match=said):
        parse_rules(tomllib.loads(text))


def test_a_name_is_used_once() -> None:
    one = {"name": "a", "signal": "s", "above": 1}
    with pytest.raises(InvalidRequestError, match="twice"):
        parse_rules({"rules": [one, one]})


def test_the_default_rules_are_those_of_the_guide() -> None:
    drift = {"training", "own", "peers", "fleet"}
    assert set(default_rules()) == drift | {"business-metrics", "silent-device", "paused-deployment"}
    assert default_rules()["training"].severity == "information"
