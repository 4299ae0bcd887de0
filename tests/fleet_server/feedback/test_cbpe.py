"""The estimate without labels: what it follows, what it is blind to, and when it is silent.

A logistic concept over ten features, one of which also counts squared; the model is linear, so
that its scores mean something else where the inputs move. Its accuracy is about 0.74. The
estimate has no bias without a shift but the chance of 20,000 rows of training (0.003), some
thousandths under a shift of half a standard deviation, and does not see a weaker concept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fleet_server.feedback.cbpe import MIN_LABELLED, Calibration, expect
from fleet_server.feedback.intervals import Estimate

FEATURES = 10
EDGES = np.unique(np.append(np.linspace(0.05, 0.95, 18), 0.5))
WEIGHTS = np.array([0.9, -0.8, 0.6, -0.5, 0.5, -0.4, 0.4, -0.3, 0.2, -0.1])
CURVATURE = 0.15


@dataclass
class World:
    """A trained model, its calibration, and the world that it meets."""

    model: LogisticRegression
    calibration: Calibration
    generator: np.random.Generator

    def gaps(self, rows: int, *, shift: float = 0.0, signal: float = 1.0, windows: int = 150) -> np.ndarray:
        """Return the estimate less the true accuracy of each window."""
        features, labels = draw(self.generator, rows * windows, shift, signal)
        scores = self.model.predict_proba(features)[:, 1]
        right = (scores >= 0.5) == labels
        pairs = zip(np.split(scores, windows), np.split(right, windows), strict=True)
        return np.array([self.estimate(window)["accuracy"].value - hits.mean() for window, hits in pairs])

    def estimate(self, scores: np.ndarray) -> Mapping[str, Estimate]:
        found = expect(self.calibration, count(scores), rows=len(scores), rows_beyond=0)
        assert not isinstance(found, str)
        return found


def draw(generator: np.random.Generator, rows: int, shift: float, signal: float) -> tuple[np.ndarray, np.ndarray]:
    features = generator.standard_normal((rows, FEATURES)) + shift
    logit = features @ WEIGHTS + CURVATURE * features[:, 0] ** 2
    chance = 1.0 / (1.0 + np.exp(-signal * logit))
    return features, generator.random(rows) < chance


def count(scores: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(EDGES, scores, "right"), minlength=len(EDGES) + 1).astype(np.float64)


@pytest.fixture(scope="module")
def world() -> World:
    generator = np.random.default_rng(7)
    features, labels = draw(generator, 20_000, 0.0, 1.0)
    model = LogisticRegression().fit(features, labels)
    held_out, truth = draw(generator, 20_000, 0.0, 1.0)
    scores = model.predict_proba(held_out)[:, 1]
    calibration = Calibration(
        labelled=count(scores),
        positive=count(scores[truth]),
        predicted=(np.append(-np.inf, EDGES) >= 0.5).astype(np.float64),
        of_predicted=False,
    )
    return World(model, calibration, generator)


@pytest.mark.parametrize(("rows", "largest_rmse"), [(200, 0.035), (2000, 0.013)])
def test_without_a_shift_it_is_unbiased_and_as_exact_as_the_labels_chance(
    world: World, rows: int, largest_rmse: float
) -> None:
    gaps = world.gaps(rows)
    assert abs(gaps.mean()) < 0.006
    assert np.sqrt((gaps**2).mean()) < largest_rmse


@pytest.mark.parametrize(("shift", "low", "high"), [(0.5, -0.012, 0.0), (1.0, -0.02, -0.005), (2.0, -0.04, -0.02)])
def test_it_follows_a_shift_of_the_inputs_less_well_the_further_it_goes(
    world: World, shift: float, low: float, high: float
) -> None:
    assert low < world.gaps(2000, shift=shift, windows=30).mean() < high


@pytest.mark.parametrize(("signal", "low", "high"), [(0.7, 0.04, 0.065), (0.4, 0.11, 0.14)])
def test_it_is_blind_to_a_change_of_concept(world: World, signal: float, low: float, high: float) -> None:
    assert low < world.gaps(2000, signal=signal, windows=30).mean() < high


def test_its_band_holds_the_true_accuracy(world: World) -> None:
    held = 0
    features, labels = draw(world.generator, 500 * 200, 0.0, 1.0)
    scores = world.model.predict_proba(features)[:, 1]
    for window, truth in zip(np.split(scores, 200), np.split(labels, 200), strict=True):
        found = world.estimate(window)["accuracy"]
        held += found.low <= ((window >= 0.5) == truth).mean() <= found.high
    assert 182 <= held <= 199


def test_its_area_under_the_curve_is_near_the_true_one(world: World) -> None:
    features, labels = draw(world.generator, 20_000, 0.0, 1.0)
    scores = world.model.predict_proba(features)[:, 1]
    found = world.estimate(scores)["auc"]
    assert found.low < roc_auc_score(labels, scores) < found.high
    assert found.high - found.low < 0.03


def test_of_more_classes_the_confidence_tells_the_accuracy() -> None:
    calibration = Calibration(np.array([100.0, 100.0]), np.array([50.0, 90.0]), np.zeros(2), of_predicted=True)
    found = expect(calibration, np.array([10.0, 30.0]), rows=40, rows_beyond=0)
    assert not isinstance(found, str)
    assert (list(found), found["accuracy"].value) == (["accuracy"], pytest.approx(0.8))


FEW = MIN_LABELLED - 1.0
TABLE = Calibration(np.array([50.0, FEW]), np.array([10.0, FEW]), np.array([0.0, 1.0]), of_predicted=False)


@pytest.mark.parametrize(
    ("calibration", "counts", "beyond", "reason"),
    [
        (None, [1, 1], 0, "no_score"),
        (Calibration(*[np.zeros(2)] * 3, of_predicted=False), [1, 1], 0, "no_labels"),
        (TABLE, [0, 0], 0, "no_rows"),
        (TABLE, [1000, 0], 11, "beyond_reference"),
        (TABLE, [989, 11], 0, "unseen_scores"),
    ],
)
def test_it_says_why_it_is_silent(calibration: Calibration | None, counts: list[int], beyond: int, reason: str) -> None:
    assert expect(calibration, np.array(counts, np.float64), rows=1000, rows_beyond=beyond) == reason


def test_a_few_rows_beyond_are_left_out() -> None:
    found = expect(TABLE, np.array([992.0, 8.0]), rows=1000, rows_beyond=10)
    assert not isinstance(found, str)
    assert found["accuracy"].value == pytest.approx(0.8)
