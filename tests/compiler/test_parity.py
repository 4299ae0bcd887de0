import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from compiler.backends.artifact import EmittedArtifact
from compiler.backends.plan import emit
from compiler.errors import ParityError
from compiler.frontends.sklearn import SklearnModel
from compiler.frontends.source import Signature
from compiler.parity import _agrees, _wrong_label, prove
from compiler.spread import evenly
from compiler.tolerance import Tolerance, choose_tolerance, tolerance_for

REGRESSION = Signature("regression", "linear", 4, (), ())
CLASSIFICATION = Signature("classification", "trees", 4, (), ("a", "b"))
TOLERANCE = Tolerance((1e-5,), 1e-5)


@pytest.fixture
def artifact(linear: Any) -> EmittedArtifact:
    converted = SklearnModel(linear).to_onnx()
    return EmittedArtifact("onnx", converted.data, converted.input, converted.output)


def test_an_artifact_that_agrees_is_proved(artifact: EmittedArtifact, linear: Any, rows: NDArray[np.float32]) -> None:
    result = prove(artifact, REGRESSION, rows, SklearnModel(linear).score(rows), TOLERANCE)
    assert (result.kind, result.rows) == ("onnx", len(rows))
    assert result.max_difference < 1e-5


def test_an_artifact_that_does_not_agree_is_refused_with_its_worst_rows(
    artifact: EmittedArtifact, linear: Any, rows: NDArray[np.float32]
) -> None:
    truth = SklearnModel(linear).score(rows)
    truth[[3, 70]] += [[0.5], [2.0]]
    with pytest.raises(ParityError) as refusal:
        prove(artifact, REGRESSION, rows, truth, TOLERANCE)
    first, *shown = str(refusal.value).splitlines()
    assert "the onnx disagrees with the model on 2 of 400 rows (tolerance 1e-05 + 1e-05 x |score|)" in first
    assert [line.split(":")[0].strip() for line in shown] == ["row 70", "row 3"]
    worst = refusal.value.rows[0]
    assert np.array(worst.inputs, np.float32).tolist() == rows[70].tolist()
    assert worst.expected == tuple(truth[70])
    assert worst.got == pytest.approx(truth[70] - 2.0, abs=1e-5)
    assert f"inputs ({worst.inputs[0]:.9g}, {worst.inputs[1]:.9g}, " in shown[0]


def test_a_wrong_row_keeps_the_number_that_it_is_known_by(
    artifact: EmittedArtifact, linear: Any, rows: NDArray[np.float32]
) -> None:
    chosen = np.arange(0, len(rows), 10)
    truth = SklearnModel(linear).score(rows[chosen])
    truth[7] += 0.5
    with pytest.raises(ParityError, match="row 70: model") as refusal:
        prove(artifact, REGRESSION, rows[chosen], truth, TOLERANCE, numbers=chosen)
    assert [wrong.row for wrong in refusal.value.rows] == [70]


def test_a_wide_row_is_shown_in_part_and_kept_whole(rows: NDArray[np.float32]) -> None:
    wide = np.tile(rows, 25)
    model = SklearnModel(LinearRegression().fit(wide, rows[:, 0]))
    converted = model.to_onnx()
    artifact = EmittedArtifact("onnx", converted.data, converted.input, converted.output)
    with pytest.raises(ParityError, match=r", \.\.\. 60 more\)$") as refusal:
        prove(artifact, model.signature, wide[:1], model.score(wide[:1]) + 1.0, TOLERANCE)
    assert len(refusal.value.rows[0].inputs) == 100


def test_another_number_of_outputs_is_refused(artifact: EmittedArtifact, rows: NDArray[np.float32]) -> None:
    with pytest.raises(ParityError, match="gives 1 outputs, the model 2"):
        prove(artifact, REGRESSION, rows, np.zeros((len(rows), 2)), TOLERANCE)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_score_agrees_with_itself(score: float) -> None:
    scores = np.array([[score]])
    assert _agrees(scores, scores.copy(), TOLERANCE).all()


@pytest.mark.parametrize(
    ("score", "truth"), [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1e300), (np.inf, -np.inf), (1.0, np.inf), (1.1, 1.0)]
)
def test_what_is_not_the_same_does_not_agree(score: float, truth: float) -> None:
    assert not _agrees(np.array([[score]]), np.array([[truth]]), TOLERANCE).any()


def test_labels_may_differ_only_in_a_tie() -> None:
    truth = np.array([[0.5, 0.5], [0.500004, 0.499996], [0.51, 0.49]])
    scores = np.array([[0.4999999, 0.5000001], [0.499999, 0.500001], [0.49, 0.51]])
    assert _wrong_label(scores, truth, TOLERANCE).tolist() == [False, False, True]


def test_the_tolerance_grows_with_the_scores_of_a_regression() -> None:
    truth = np.array([[1.0], [-900.0], [850.0], [np.nan]])
    assert tolerance_for(REGRESSION, truth) == Tolerance((1e-5 * 1024,), 1e-5)
    assert tolerance_for(REGRESSION, 1e308 * np.array([[1.0], [1.5]])) == Tolerance((1e-5 * 2.0**1023,), 1e-5)
    assert tolerance_for(REGRESSION, np.zeros((2, 1))) == TOLERANCE
    assert tolerance_for(CLASSIFICATION, np.array([[900.0, 1.0]])) == TOLERANCE


@pytest.mark.parametrize("wild", [1e6, -1e300])
def test_a_wild_score_widens_the_tolerance_of_its_own_row_alone(wild: float) -> None:
    ordinary = np.random.default_rng(0).uniform(0.5, 1.0, size=(500, 1))
    truth = np.concatenate([ordinary, [[wild]], ordinary, [[wild]]])
    assert tolerance_for(REGRESSION, truth) == tolerance_for(REGRESSION, ordinary) == TOLERANCE


def test_boosted_trees_that_give_much_to_few_rows_keep_the_rounding_of_their_mean() -> None:
    rare = np.full((1000, 1), 1e-4)
    rare[:2] = 1000.0
    assert tolerance_for(REGRESSION, rare).largest < 1e-8
    assert tolerance_for(dataclasses.replace(REGRESSION, family="trees"), rare).absolute == (1e-5 * 4,)


def test_a_model_that_mostly_gives_zero_has_the_tolerance_of_what_else_it_gives() -> None:
    truth = np.zeros((1000, 2))
    truth[::100, 1] = 100.0
    assert tolerance_for(REGRESSION, truth) == Tolerance((1e-5, 1e-5 * 128), 1e-5)


def test_each_output_of_a_regression_is_held_to_its_own_scale() -> None:
    truth = np.array([[1e-6, 1e6]] * 4)
    tolerance = tolerance_for(REGRESSION, truth)
    assert tolerance == Tolerance((1e-5 * 2.0**-19, 1e-5 * 2.0**20), 1e-5)
    assert str(tolerance) == "(1.91e-11, 10.5) + 1e-05 x |score|"
    assert _agrees(truth * [1.0, 1.00001], truth, tolerance).all()
    assert not _agrees(truth * [1.00005, 1.0], truth, tolerance)[:, 0].any()


def test_a_wrong_small_output_beside_a_large_one_is_refused(rows: NDArray[np.float32]) -> None:
    model = LinearRegression().fit(rows, np.stack([1e-6 * rows[:, 0], 1e6 * rows[:, 1]], axis=1))
    source = SklearnModel(model)
    truth = source.score(rows)
    tolerance = choose_tolerance(source, rows, truth)
    plan = EmittedArtifact("plan", emit(source.to_graph()))
    assert prove(plan, source.signature, rows, truth, tolerance).kind == "plan"
    model.coef_[0] *= 1.001
    wrong = EmittedArtifact("plan", emit(SklearnModel(model).to_graph()))
    with pytest.raises(ParityError, match=r"of 400 rows \(tolerance \(.*e-11, .*\) \+ 1e-05 x"):
        prove(wrong, source.signature, rows, truth, tolerance)


def test_an_output_that_is_left_of_larger_terms_keeps_their_rounding(rows: NDArray[np.float32]) -> None:
    dependent = np.column_stack([rows, rows[:, 0] + rows[:, 1]])
    source = SklearnModel(PCA().fit(dependent))
    truth = source.score(dependent)
    assert np.abs(truth[:, -1]).max() < 1e-6
    tolerance = choose_tolerance(source, dependent, truth)
    assert 1e-5 < tolerance.absolute[-1] <= tolerance.largest


def test_a_model_that_takes_its_sample_only_is_held_to_its_scores(rows: NDArray[np.float32]) -> None:
    kinds = np.round(rows)
    encoder = OneHotEncoder(sparse_output=False).fit(kinds)
    source = SklearnModel(make_pipeline(encoder, LinearRegression()).fit(kinds, kinds[:, :2] * [1e-6, 1.0]))
    tolerance = choose_tolerance(source, kinds, source.score(kinds))
    assert tolerance.absolute[0] < 1e-9 < tolerance.absolute[1]


def test_small_scores_of_classes_are_held_to_their_scale() -> None:
    scores = 1e-7 * np.array([[1.0, -1.0, 0.5], [-1.0, 0.5, 0.25]])
    assert tolerance_for(CLASSIFICATION, scores) == Tolerance((1e-5 * 2.0**-23,), 1e-5)
    rare = np.array([[1e-7, 1.0 - 1e-7]] * 2)
    assert tolerance_for(CLASSIFICATION, rare) == TOLERANCE


def test_the_tolerances_of_many_outputs_are_shown_in_part() -> None:
    assert str(Tolerance(tuple(map(float, range(7))), 1e-5)) == "(0, 1, 2, 3, 4, ... 2 more) + 1e-05 x |score|"


@given(st.integers(1, 5000), st.integers(1, 500))
def test_rows_are_chosen_evenly(n_rows: int, at_most: int) -> None:
    chosen = evenly(n_rows, at_most)
    assert len(chosen) == min(n_rows, at_most)
    assert 0 <= chosen.min() <= chosen.max() < n_rows
    gaps = np.diff(chosen)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
