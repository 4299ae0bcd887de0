import numpy as np
import pytest
from sklearn import naive_bayes

from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_refuses_missing_values,
    plan_scores,
    rows_and_classes,
    trial_rows,
)

LABELS = np.array(["low", "middle", "high"])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies_by_normal_distributions(n_classes: int) -> None:
    rows, classes = rows_and_classes(n_classes)
    assert_agrees(naive_bayes.GaussianNB().fit(rows.astype(np.float64), LABELS[classes]), trial_rows())


@pytest.mark.parametrize("binarize", [0.0, 0.5, None])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies_by_what_is_present(binarize: float | None, n_classes: int) -> None:
    """A number equal to the threshold is absent."""
    rows, classes = rows_and_classes(n_classes)
    halves = np.abs(np.round(2 * rows) / 2) if binarize is not None else (rows > 0).astype(np.float32)
    assert_agrees(naive_bayes.BernoulliNB(binarize=binarize).fit(halves.astype(np.float64), LABELS[classes]), halves)


@pytest.mark.parametrize(
    "model", [naive_bayes.MultinomialNB(), naive_bayes.ComplementNB(), naive_bayes.ComplementNB(norm=True)]
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies_by_counts(model: naive_bayes.MultinomialNB, n_classes: int) -> None:
    rows, classes = rows_and_classes(n_classes)
    counts = np.abs(np.round(rows))
    assert_agrees(model.fit(counts.astype(np.float64), LABELS[classes]), counts)


def categorical() -> naive_bayes.CategoricalNB:
    rows, classes = rows_and_classes()
    return naive_bayes.CategoricalNB().fit(np.clip(np.round(rows), 0, 3).astype(np.float64), LABELS[classes])


def test_classifies_by_categories() -> None:
    """Each number stands for its whole part, as in scikit-learn."""
    rows = np.clip(rows_and_classes()[0], -0.5, 3.4)
    assert_agrees(categorical(), rows)


@pytest.mark.parametrize("unseen", [4.0, -1.0, 1e9, -np.inf, np.inf])
def test_a_category_never_seen_has_no_score(unseen: float) -> None:
    """scikit-learn raises an error for the whole batch."""
    rows = np.ones((3, 4), np.float32)
    rows[1, 2] = unseen
    scores = plan_scores(lower_estimator(categorical()), rows)
    assert np.isnan(scores[1]).all()
    assert np.isfinite(scores[[0, 2]]).all()


def test_refuses_missing_values() -> None:
    rows, classes = rows_and_classes()
    assert_refuses_missing_values(naive_bayes.GaussianNB().fit(rows.astype(np.float64), classes))
    assert_refuses_missing_values(categorical())
