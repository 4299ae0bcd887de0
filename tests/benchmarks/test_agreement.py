import numpy as np

from benchmarks.agreement import compare


def test_classes_are_compared_by_the_highest() -> None:
    truth = np.array([[0.25, 0.75], [0.75, 0.25], [1.0, 0.0]])
    scores = np.array([[0.25, 0.75], [0.25, 0.75], [1.0, 0.0]])
    assert compare(scores, truth, "classes") == (0.5, 1)


def test_a_contender_may_give_the_second_class_only() -> None:
    truth = np.array([[0.25, 0.75], [0.625, 0.375]])
    assert compare(np.array([0.75, 0.125]), truth, "classes") == (0.25, 0)
    assert compare(truth, np.array([0.75, 0.375]), "classes") == (0.0, 0)


def test_values_have_no_labels() -> None:
    assert compare(np.array([1.0, 2.0]), np.array([[1.0], [2.5]]), "values") == (0.5, None)


def test_outliers_are_told_by_the_sign() -> None:
    assert compare(np.array([0.25, -0.25]), np.array([0.25, 0.25]), "outliers") == (0.5, 1)
