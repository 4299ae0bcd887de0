"""The figures of a classifier against scikit-learn and scipy, and their intervals against the truth."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, confusion_matrix, log_loss, roc_auc_score

from fleet_server.feedback import calibration, roc
from fleet_server.feedback.classification import Layout, estimates, of_classes, rows, sum_rows

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def made_up(seed: int, n_rows: int = 800, n_classes: int = 2, *, noise: float = 1.5) -> Rows:
    """Make labels, probabilities that know something of them, and weights."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, n_classes, n_rows)
    logits = 1.5 * np.eye(n_classes)[labels] + noise * generator.standard_normal((n_rows, n_classes))
    odds = np.exp(logits)
    return labels, odds / odds.sum(axis=1, keepdims=True), generator.uniform(0.5, 2.0, n_rows)


def sums_of(made: Rows, *, weighted: bool = False) -> tuple[Layout, np.ndarray]:
    labels, probabilities, weights = made
    layout = Layout(probabilities.shape[1])
    given = weights if weighted else np.ones(len(labels))
    return layout, sum_rows(layout, labels, probabilities.argmax(axis=1), probabilities, given)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_figures_are_scikit_learns(n_classes: int) -> None:
    made = labels, probabilities, weights = made_up(1, n_classes=n_classes)
    layout, sums = sums_of(made, weighted=True)
    found = estimates(layout, sums[np.newaxis])
    predicted = probabilities.argmax(axis=1)
    assert found["accuracy"].value == pytest.approx(accuracy_score(labels, predicted, sample_weight=weights))
    assert found["log_loss"].value == pytest.approx(log_loss(labels, probabilities, sample_weight=weights))
    given = probabilities[:, 1] if n_classes == 2 else probabilities
    assert found["brier_score"].value == pytest.approx(brier_score_loss(labels, given, sample_weight=weights))
    assert layout.confusion(sums) == pytest.approx(confusion_matrix(labels, predicted, sample_weight=weights))


@pytest.mark.parametrize("n_classes", [2, 5])
def test_areas_are_scikit_learns_of_the_binned_scores_and_near_those_of_the_scores(n_classes: int) -> None:
    made = labels, probabilities, weights = made_up(2, n_classes=n_classes)
    layout, sums = sums_of(made, weighted=True)
    figures = of_classes(layout, sums[np.newaxis])
    for curve, index in enumerate(layout.curves):
        truth, scores = labels == index, probabilities[:, index]
        found = figures[index]["auc"].value
        assert found == pytest.approx(roc_auc_score(truth, roc.bin_of(scores), sample_weight=weights))
        exact = roc_auc_score(truth, scores, sample_weight=weights)
        assert abs(found - exact) <= roc.resolution(layout.scores(sums)[curve]) < 0.01


def test_rare_classes_keep_their_resolution() -> None:
    generator = np.random.default_rng(3)
    scores = generator.beta(0.3, 300.0, 20_000)
    labels = (generator.random(20_000) < scores).astype(int)
    layout, sums = sums_of((labels, np.stack([1 - scores, scores], axis=1), np.ones(20_000)))
    found = estimates(layout, sums[np.newaxis])["auc"].value
    assert found == pytest.approx(roc_auc_score(labels, scores), abs=0.02)


def test_parts_merge_to_the_whole() -> None:
    made = made_up(4, n_classes=3)
    layout, whole = sums_of(made, weighted=True)
    order = np.random.default_rng(5).permutation(800)
    parts = [sums_of((made[0][at], made[1][at], made[2][at]), weighted=True)[1] for at in np.array_split(order, 9)]
    assert np.sum(parts, axis=0) == pytest.approx(whole)
    assert rows(whole) == 800
    assert np.array_equal(whole + np.zeros(layout.size), whole)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    made = made_up(6, 200_000)
    layout, whole = sums_of(made)
    truth = estimates(layout, whole[np.newaxis])
    held = dict.fromkeys(truth, 0)
    for at in np.array_split(np.arange(200_000), 500):
        found = estimates(layout, sums_of((made[0][at], made[1][at], made[2][at]))[1][np.newaxis])
        for name, estimate in found.items():
            held[name] += estimate.low <= truth[name].value <= estimate.high
    assert held.pop("calibration_error") >= 475  # the noise of its bins is allowed for in full
    assert all(460 <= times <= 495 for times in held.values()), held


def test_areas_of_devices_that_differ_have_wider_intervals() -> None:
    generator = np.random.default_rng(7)
    noises = generator.uniform(0.3, 5.0, 40)
    layout = Layout(2)
    units = np.stack([sums_of(made_up(seed, 100, noise=noise))[1] for seed, noise in enumerate(noises)])
    together = estimates(layout, units.sum(axis=0)[np.newaxis])
    apart = estimates(layout, units)
    for name in ("accuracy", "auc", "log_loss", "brier_score"):
        assert apart[name].value == pytest.approx(together[name].value)
        assert apart[name].high - apart[name].low > 1.2 * (together[name].high - together[name].low)


def test_the_calibration_error_is_that_of_equal_bins() -> None:
    labels, probabilities, _ = made = made_up(8)
    layout, sums = sums_of(made)
    scores = probabilities[:, 1]
    bins = np.minimum((scores * 20).astype(int), 19)
    gaps = [abs((scores - labels)[bins == each].sum()) for each in range(20)]
    found = estimates(layout, sums[np.newaxis])
    assert found["calibration_error"].value == pytest.approx(sum(gaps) / 800)
    assert found["calibration_bias"].value == pytest.approx((scores - labels).mean())
    assert sum(weight for *_, weight in calibration.diagram(layout.calibration(sums))) == 800


def test_predictions_without_probabilities_give_accuracy_and_confusion_alone() -> None:
    layout = Layout(3)
    unknown = np.full((4, 3), np.nan)
    sums = sum_rows(layout, np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1]), unknown, np.ones(4))
    assert list(estimates(layout, sums[np.newaxis])) == ["accuracy"]
    figures = of_classes(layout, sums[np.newaxis])
    assert (figures[2]["recall"].value, figures[2]["precision"].value, figures[1]["precision"].value) == (0.5, 1, 0.5)


def test_one_class_alone_has_no_area_and_no_rows_have_no_figures() -> None:
    layout = Layout(2)
    certain = np.array([[0.0, 1.0]] * 3)
    sums = sum_rows(layout, np.ones(3, np.intp), np.ones(3, np.intp), certain, np.ones(3))
    found = estimates(layout, sums[np.newaxis])
    assert (found["accuracy"].value, found["accuracy"].high, "auc" in found) == (1.0, 1.0, False)
    assert found["accuracy"].low < 0.5
    assert estimates(layout, np.zeros((1, layout.size))) == {}


def test_classes_that_scores_part_wholly_leave_a_doubt() -> None:
    layout = Layout(2)
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.1, 0.9]] * 10)
    labels = probabilities.argmax(axis=1)
    found = estimates(layout, sum_rows(layout, labels, labels, probabilities, np.ones(20))[np.newaxis])["auc"]
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.6 < found.low < 0.9


@pytest.mark.parametrize(
    ("n_classes", "confused", "curves"), [(1, 1, 0), (2, 2, 1), (16, 16, 16), (17, 17, 0), (65, 0, 0)]
)
def test_many_classes_keep_less(n_classes: int, confused: int, curves: int) -> None:
    layout = Layout(n_classes)
    assert (layout.n_confused, len(layout.curves)) == (confused, curves)
    probabilities = np.eye(n_classes)[:1]
    sums = sum_rows(layout, np.zeros(1, np.intp), np.zeros(1, np.intp), probabilities, np.ones(1))
    assert estimates(layout, sums[np.newaxis])["accuracy"].value == 1.0


def test_the_curve_goes_from_everything_to_nothing() -> None:
    layout, sums = sums_of(made_up(9))
    points = roc.curve(layout.scores(sums)[0])
    rates = [(false, true) for _, false, true in points]
    assert (rates[0], rates[-1]) == ((1.0, 1.0), (0.0, 0.0))
    assert rates == sorted(rates, reverse=True)
    area = float(np.trapezoid([true for _, true in rates[::-1]], [false for false, _ in rates[::-1]]))
    assert area == pytest.approx(estimates(layout, sums[np.newaxis])["auc"].value)
