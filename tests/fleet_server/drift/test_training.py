import numpy as np
import pytest

from device_contract.baseline import Baseline
from fleet_server.drift.channels import SIGNED, scores
from fleet_server.drift.reference import reference_of
from fleet_server.drift.training import TrainingState, take_window
from fleet_server.drift.verdict import Verdict
from tests.fleet_server.drift.windows import Floats, autoregressive, make_sketch, make_stream, make_summary


def verdict_of(baseline: Baseline, windows: list[list[Floats]]) -> Verdict:
    state = TrainingState()
    verdict = Verdict(word="no_data")
    for columns in windows:
        state, verdict = take_window(state, baseline, "a" * 64, make_summary(baseline, columns))
    return verdict


def normal_baseline(generator: np.random.Generator) -> Baseline:
    streams = (make_stream("a", generator.standard_normal(20_000)), make_stream("b", generator.standard_normal(20_000)))
    return Baseline(streams=streams)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_scores_stay_calibrated_on_autocorrelated_rows(correlation: float) -> None:
    """Without a correction 75 % of the windows at correlation 0.9 would be beyond 2.6."""
    generator = np.random.default_rng(2)
    reference = reference_of(make_stream("a", autoregressive(generator, 40_000, correlation)))
    found = [
        scores(reference, make_sketch(reference.stream, autoregressive(generator, 500, correlation)))
        for _ in range(400)
    ]
    for channel in ("location", "spread", "shape", "tails", "missing"):
        values = np.array([answer[channel] for answer in found])
        extreme = np.abs(values) if channel in SIGNED else values
        assert (extreme > 2.576).mean() <= 0.025, channel


def test_scores_without_tolerance_have_unit_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet_server.drift.channels.TOLERANCE", 0.0)
    generator = np.random.default_rng(3)
    reference = reference_of(make_stream("a", autoregressive(generator, 200_000, 0.8)))
    found = [scores(reference, make_sketch(reference.stream, autoregressive(generator, 500, 0.8))) for _ in range(500)]
    for channel in ("location", "spread", "shape"):
        values = np.array([answer[channel] for answer in found])
        assert values.std() == pytest.approx(1.0, abs=0.15), channel
        assert -0.6 < values.mean() < 0.2, channel  # the correction of the shape errs towards silence


def test_healthy_device_is_learning_then_stable() -> None:
    generator = np.random.default_rng(4)
    baseline = normal_baseline(generator)
    windows = [[generator.standard_normal(500), generator.standard_normal(500)] for _ in range(200)]
    assert verdict_of(baseline, windows[:2]).word == "learning"
    assert {verdict_of(baseline, windows[:count]).word for count in (3, 50, 200)} == {"stable"}


@pytest.mark.parametrize(
    ("fault", "channel"),
    [
        (lambda values, _: values + 0.4, "location"),
        (lambda values, _: values * 1.3, "spread"),
        (lambda values, _: np.where(np.abs(values) < 0.7, np.sign(values) * 0.7, values), "shape"),
        (lambda values, draw: np.where(draw < 0.05, 9.0, values), "tails"),
        (lambda values, draw: np.where(draw < 0.05, np.nan, values), "missing"),
    ],
)
def test_each_fault_is_named_by_stream_and_channel(fault: object, channel: str) -> None:
    generator = np.random.default_rng(5)
    baseline = normal_baseline(generator)
    windows = [
        [generator.standard_normal(500), fault(generator.standard_normal(500), generator.random(500))]  # type: ignore[operator]
        for _ in range(25)
    ]
    verdict = verdict_of(baseline, windows)
    assert (verdict.word, verdict.features) == ("drift", ("b",))
    assert verdict.leading is not None
    assert verdict.leading.evidence["channels"][channel]["drifts"]


def test_a_significant_but_negligible_shift_is_no_drift() -> None:
    generator = np.random.default_rng(6)
    baseline = normal_baseline(generator)
    windows = [[generator.standard_normal(50_000) + 0.1, generator.standard_normal(50_000)] for _ in range(40)]
    assert verdict_of(baseline, windows).word == "stable"


def test_a_large_effect_size_in_a_small_window_does_not_alarm() -> None:
    generator = np.random.default_rng(7)
    baseline = normal_baseline(generator)
    windows = [[generator.standard_normal(30), generator.standard_normal(30)] for _ in range(100)]
    state = TrainingState()
    indices = []
    for columns in windows:
        state, verdict = take_window(state, baseline, "a" * 64, make_summary(baseline, columns))
        assert verdict.word != "drift"
        indices.append(verdict.evidence["a"]["effect_sizes"]["population_stability_index"])
    assert np.mean(np.array(indices) > 0.2) > 0.5  # where the usual rule would have cried


def test_a_silent_or_constant_stream_is_judged_by_what_it_can_answer() -> None:
    constant = make_stream("a", np.ones(100))
    reference = reference_of(constant)
    assert set(scores(reference, make_sketch(constant, np.full(50, np.nan)))) == {"missing"}
    assert scores(reference, make_sketch(constant, np.ones(50))).keys() == {"tails", "shape", "missing"}
    assert scores(reference, make_sketch(constant, np.full(50, 2.0)))["tails"] > 5


def test_another_baseline_starts_the_charts_anew() -> None:
    generator = np.random.default_rng(8)
    baseline = normal_baseline(generator)
    summary = make_summary(baseline, [generator.standard_normal(500) + 3, generator.standard_normal(500)])
    state = TrainingState()
    for _ in range(10):
        state, verdict = take_window(state, baseline, "a" * 64, summary)
    assert verdict.word == "drift"
    _, verdict = take_window(state, baseline, "b" * 64, summary)
    assert verdict.word == "learning"
