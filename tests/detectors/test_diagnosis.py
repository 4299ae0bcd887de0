import pytest

from detectors.charts import ALL_FEATURES
from detectors.diagnosis import DO, WHAT, Cause, Finding, diagnose


def found(channel: str, stream: str = "temperature", ratio: float = 2.0, difference: float = 1.0) -> Finding:
    return Finding(stream, channel, ratio, difference, is_output=stream == "score")


@pytest.mark.parametrize(
    ("findings", "cause"),
    [
        ([found("missing")], "missing"),
        ([found("missing", name) for name in "abcd"], "missing"),
        ([found("repeats"), found("scale", ratio=-5.0)], "stuck"),
        ([found("scale", ratio=-5.0, difference=-1.0)], "stuck"),
        ([found("out_of_range"), found("location")], "implausible"),
        ([found("location"), found("scale")], "gain"),
        ([found("location"), found("high_tail")], "offset"),
        ([found("scale")], "noise"),
        ([found("scale", ratio=-2.0, difference=-0.1)], "damped"),
        ([found("high_tail")], "outliers"),
        ([found("shape")], "distribution"),
        ([found("relations", ALL_FEATURES)], "relation"),
        ([found("q", ALL_FEATURES), found("t2", ALL_FEATURES)], "relation"),
        ([found("location", name) for name in "abc"], "regime"),
        ([found("location", "score")], "model"),
        ([found("attribution", ALL_FEATURES)], "attribution"),
    ],
)
def test_the_cause_follows_from_the_charts(findings: list[Finding], cause: Cause) -> None:
    diagnosis = diagnose(findings)
    assert diagnosis is not None
    assert diagnosis.cause == cause
    assert (diagnosis.what, diagnosis.action) == (WHAT[cause], DO[cause])


def test_streams_are_named_features_first_and_once() -> None:
    diagnosis = diagnose([found("location", "score"), found("t2", ALL_FEATURES), found("location"), found("scale")])
    assert diagnosis is not None
    assert diagnosis.streams == ("temperature", "score")


def test_nothing_found_is_nothing_to_explain() -> None:
    assert diagnose([]) is None
