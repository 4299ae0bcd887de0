import subprocess
import sys
import threading
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from device_contract.errors import BundleError, ContractError, PlanError, RowError
from edge_agent import Scorer
from tests.edge_agent.scoring.bundles import write_bundle
from tests.edge_agent.scoring.conftest import LABELS, as_onnx, as_plan

Rows = NDArray[np.float32]
Probabilities = NDArray[np.float64]


def test_gives_probabilities_in_the_order_of_the_labels(
    classifier: Path, rows: Rows, probabilities: Probabilities
) -> None:
    scorer = Scorer.open(classifier)
    for row, expected in zip(rows, probabilities, strict=True):
        score = scorer.score(row)
        assert isinstance(score, tuple)
        assert score == pytest.approx(expected, abs=1e-6)
        assert scorer.predict(row) == LABELS[expected.argmax()]


def test_gives_a_float_for_one_output(regressor: Path) -> None:
    scorer = Scorer.open(str(regressor))
    score = scorer.score([1.0, 2.0, 4.0, 100.0])
    assert isinstance(score, float)
    assert score == scorer.predict((1.0, 2.0, 4.0, 100.0)) == -0.75


def test_scores_into_a_buffer(classifier: Path, rows: Rows, probabilities: Probabilities) -> None:
    out = array("d", bytes(24))
    Scorer.open(classifier).score_into(rows[3], out)
    assert out.tolist() == pytest.approx(probabilities[3], abs=1e-6)


@pytest.mark.parametrize("as_rows", [lambda r: r, lambda r: r[:1], lambda r: r[:0]], ids=["50", "1", "0"])
def test_gives_numpy_an_array_of_its_own(
    classifier: Path, rows: Rows, probabilities: Probabilities, as_rows: Any
) -> None:
    scores = Scorer.open(classifier).score_batch(as_rows(rows))
    assert scores.shape == as_rows(probabilities).shape
    np.testing.assert_allclose(scores, as_rows(probabilities), atol=1e-6)


def test_gives_numpy_one_number_a_row_for_one_output(regressor: Path, rows: Rows) -> None:
    scorer = Scorer.open(regressor)
    scores = scorer.score_batch(rows)
    assert scores.shape == (50,)
    assert scores.tolist() == pytest.approx([scorer.score(row) for row in rows], abs=1e-6)


@pytest.mark.parametrize(
    "as_rows",
    [
        lambda rows: array("f", rows.ravel()),
        lambda rows: memoryview(array("f", rows.ravel())),
        lambda rows: [array("f", row) for row in rows],
        lambda rows: rows.tolist(),
        lambda rows: tuple(tuple(row) for row in rows.tolist()),
    ],
    ids=["array", "memoryview", "list of arrays", "list of lists", "tuple of tuples"],
)
def test_gives_anybody_else_an_array(classifier: Path, rows: Rows, probabilities: Probabilities, as_rows: Any) -> None:
    scores = Scorer.open(classifier).score_batch(as_rows(rows))
    assert isinstance(scores, array)
    assert scores.typecode == "d"
    assert scores.tolist() == pytest.approx(probabilities.ravel(), abs=1e-6)


def test_fills_the_room_that_is_given(classifier: Path, rows: Rows, probabilities: Probabilities) -> None:
    for out in (np.zeros((50, 3)), array("d", bytes(8 * 150))):
        assert Scorer.open(classifier).score_batch(rows, out) is out
        np.testing.assert_allclose(np.asarray(out).reshape(50, 3), probabilities, atol=1e-6)


WRONG_ROWS = {
    "too few": [1.0, 2.0],
    "too many": np.zeros(5, np.float32),
    "float64": np.zeros(4),
    "text": ["a", "b", "c", "d"],
    "None": None,
    "strided": np.zeros(8, np.float32)[::2],
    "bytes": bytes(16),
}


@pytest.mark.parametrize("fault", WRONG_ROWS)
def test_refuses_a_wrong_row_in_one_line(classifier: Path, fault: str) -> None:
    scorer = Scorer.open(classifier)
    row: Any = WRONG_ROWS[fault]
    for call in (scorer.score, scorer.predict, lambda row: scorer.score_into(row, array("d", bytes(24)))):
        with pytest.raises(RowError) as raised:
            call(row)
        assert "\n" not in str(raised.value)


WRONG_BATCHES = {
    "rows of another width": np.zeros((4, 3), np.float32),
    "a width that only fits by chance": np.zeros((4, 2), np.float32),
    "part of a row": array("f", bytes(4 * 6)),
    "float64": np.zeros((2, 4)),
    "strided": np.zeros((4, 4), np.float32)[::2],
    "transposed": np.zeros((4, 8), np.float32).T[:, :4],
    "a list of short rows": [[1.0, 2.0]],
    "a list of text": ["abcd"],
    "a list of numbers": [1.0, 2.0, 3.0, 4.0],
    "None": None,
    "bytes": bytes(16),
}


@pytest.mark.parametrize("fault", WRONG_BATCHES)
def test_refuses_a_wrong_batch_in_one_line(classifier: Path, fault: str) -> None:
    batch: Any = WRONG_BATCHES[fault]
    with pytest.raises(RowError) as raised:
        Scorer.open(classifier).score_batch(batch)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("out", [array("d", bytes(8)), array("f", bytes(24)), bytes(48)], ids=repr)
def test_refuses_wrong_room_for_a_batch(classifier: Path, out: Any) -> None:
    with pytest.raises(RowError):
        Scorer.open(classifier).score_batch(np.zeros((2, 4), np.float32), out)


def test_a_row_with_nan_has_nan_scores_and_no_label(classifier: Path, regressor: Path) -> None:
    row = [float("nan"), 1.0, 2.0, 3.0]
    assert all(score != score for score in Scorer.open(classifier).score(row))  # type: ignore[union-attr]  # noqa: PLR0124
    assert Scorer.open(classifier).predict(row) is None
    assert np.isnan(Scorer.open(regressor).predict(row))  # type: ignore[arg-type]


def test_the_first_of_equally_probable_labels_is_predicted(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "tie.bundle", {"plan": as_plan(3)}, 4, 3, LABELS)
    scorer = Scorer.open(bundle)
    row = [0.0, 0.0, 0.0, 0.125]  # raw scores 0.25, -0.625 and 0.25
    probabilities = scorer.score(row)
    assert isinstance(probabilities, tuple)
    assert probabilities[0] == probabilities[2] == max(probabilities)
    assert scorer.predict(row) == LABELS[0]


def test_prefers_the_plan(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "both.bundle", {"onnx": b"never read", "plan": as_plan(1)}, 4, 1)
    assert Scorer.open(bundle).score([0.0, 0.0, 0.0, 0.0]) == 0.25


def test_may_be_shared_by_threads(classifier: Path, rows: Rows) -> None:
    scorer = Scorer.open(classifier)
    expected = [scorer.score(row) for row in rows]
    results: list[Any] = [None] * 4

    def work(place: int) -> None:
        results[place] = [[scorer.score(row) for row in rows] for _ in range(20)][-1]

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result == expected for result in results)


def test_a_model_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    cases: list[tuple[Path, type[ContractError], str]] = [
        (write_bundle(tmp_path / "a", {"plan": b"LEEWAYPL"}, 4, 1), PlanError, "truncated"),
        (write_bundle(tmp_path / "b", {"onnx": b"rubbish"}, 4, 1), BundleError, "onnxruntime does not take model.onnx"),
        (write_bundle(tmp_path / "c", {"plan": as_plan(1)}, 5, 1), BundleError, "4 features and 1 outputs"),
        (write_bundle(tmp_path / "d", {"plan": as_plan(3)}, 4, 2), BundleError, "4 features and 3 outputs"),
        (tmp_path / "absent", BundleError, "cannot read"),
    ]
    for path, error, told in cases:
        with pytest.raises(error, match=told) as raised:
            Scorer.open(path)
        assert "\n" not in str(raised.value)


def test_an_onnx_model_without_the_named_output_is_refused(tmp_path: Path) -> None:
    renamed = as_onnx(1).replace(b"scores", b"secret")
    with pytest.raises(BundleError, match="lacks the input or output"):
        Scorer.open(write_bundle(tmp_path / "renamed.bundle", {"onnx": renamed}, 4, 1))


def test_an_onnx_model_of_another_width_is_told_when_it_scores(tmp_path: Path) -> None:
    scorer = Scorer.open(write_bundle(tmp_path / "wide.bundle", {"onnx": as_onnx(1)}, 5, 1))
    with pytest.raises(BundleError, match="onnxruntime does not run the model"):
        scorer.score([0.0] * 5)


def test_a_plan_needs_neither_numpy_nor_onnxruntime(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "plan.bundle", {"plan": as_plan(3)}, 4, 3, LABELS)
    program = (
        "import sys, array\nfrom edge_agent import Scorer\n"
        f"scorer = Scorer.open({str(bundle)!r})\nrow = array.array('f', [1, 2, 3, 4])\n"
        "print(scorer.predict(row), len(scorer.score_batch([row, row])))\n"
        "print(sorted({'numpy', 'onnxruntime', 'onnx', 'sklearn'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[3]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert run.stdout.splitlines() == ["running 6", "[]"]
