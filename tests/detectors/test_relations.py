import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from detectors import charts_of, diagnose, empty_state, findings, judge, lay_out, level_for
from detectors.attribution import ndcg
from detectors.correlations import correlations_of
from detectors.stacking import DeviceWindow, EncodedWindow, stack, stack_encoded
from detectors.state import OWN
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer, SummaryReader, WindowSummary, encode_summary

DEVICES, FEATURES, ROWS = 12, 4, 600
NAMES = tuple(Feature(name=f"sensor-{place}") for place in range(FEATURES))


def rows_of(numbers: np.random.Generator, rows: int, correlation: float) -> NDArray[np.float32]:
    values = numbers.normal(size=(rows, FEATURES))
    values[:, 1] = correlation * values[:, 0] + np.sqrt(1.0 - correlation**2) * values[:, 1]
    return values.astype(np.float32)


SAMPLE = rows_of(np.random.default_rng(1), 5000, 0.8)
BASELINE = build_baseline(NAMES, (Output(name="score"),), SAMPLE, SAMPLE[:, 2:3].astype(np.float64))
REFERENCE = lay_out(BASELINE)


def summary_of(summarizer: RowSummarizer, rows: NDArray[np.float32]) -> WindowSummary:
    for row in rows:
        summarizer.update(row, row[2:3].astype(np.float64))
    return summarizer.take()


def test_a_broken_relation_is_found_and_its_two_features_named() -> None:
    numbers = np.random.default_rng(2)
    state, charts = empty_state(charts_of(REFERENCE)), charts_of(REFERENCE)
    levels = level_for(0.5, charts.n_charts, 30)
    summarizers = [RowSummarizer(BASELINE) for _ in range(DEVICES)]
    for window in range(13):
        seen = [rows_of(numbers, ROWS, 0.2 if window >= 10 and device == 5 else 0.8) for device in range(DEVICES)]
        told = [
            DeviceWindow(f"device-{device:02}", "all", "1", summary_of(summarizers[device], rows))
            for device, rows in enumerate(seen)
        ]
        stacked = stack(REFERENCE, told)
        stacked.related_rows[:] = ROWS  # a device sends them once a day
        stacked.correlations[:] = [np.corrcoef(rows.T)[np.triu_indices(FEATURES, 1)] for rows in seen]
        state, judgement = judge(state, REFERENCE, stacked, levels)
    diagnosis = diagnose(findings(judgement, 5, OWN))
    assert diagnosis is not None
    assert (diagnosis.cause, set(diagnosis.streams)) == ("relation", {"sensor-0", "sensor-1"})
    assert not judgement.alarmed[np.arange(DEVICES) != 5, OWN].any()


def test_a_summary_reads_the_same_from_its_bytes() -> None:
    numbers = np.random.default_rng(3)
    summary = summary_of(RowSummarizer(BASELINE), rows_of(numbers, ROWS, 0.8))
    data = encode_summary(summary, BASELINE)
    decoded = SummaryReader(BASELINE).read(data)
    objects = stack(REFERENCE, [DeviceWindow("a", "all", "1", decoded)])
    room = stack_encoded(REFERENCE, SummaryReader(BASELINE), [EncodedWindow("a", "all", "1", data)])
    for name in (
        "rows",
        "counts",
        "lost",
        "repeats",
        "broken",
        "mean",
        "deviation",
        "lag1",
        "projected",
    ):
        np.testing.assert_allclose(getattr(room, name), getattr(objects, name), rtol=1e-6, atol=1e-9, err_msg=name)


def test_bytes_that_cannot_be_read_are_told_and_harm_nobody() -> None:
    numbers = np.random.default_rng(4)
    data = encode_summary(summary_of(RowSummarizer(BASELINE), rows_of(numbers, 50, 0.8)), BASELINE)
    windows = [EncodedWindow("a", "all", "1", data), EncodedWindow("b", "all", "1", data[:-3])]
    stacked = stack_encoded(REFERENCE, SummaryReader(BASELINE), windows)
    assert stacked.sound.tolist() == [True, False]
    assert "summary" in stacked.reasons[1]


def test_correlations_are_those_of_the_rows() -> None:
    rows = rows_of(np.random.default_rng(5), 300, 0.5).astype(np.float64)
    products = (rows.T @ rows)[np.triu_indices(FEATURES)]
    (found,) = correlations_of(np.array([len(rows)]), rows.sum(axis=0)[None], products[None])
    np.testing.assert_allclose(found, np.corrcoef(rows.T)[np.triu_indices(FEATURES, 1)], rtol=1e-6)


def test_sums_without_a_square_make_no_correlation() -> None:
    sums, products = np.full((1, 2), 1e200), np.full((1, 3), 1e300)
    assert np.isnan(correlations_of(np.array([10.0]), sums, products)).all()


def test_a_ranking_as_in_training_has_an_ndcg_of_one_and_the_reverse_less() -> None:
    usual = np.array([8.0, 4.0, 2.0, 1.0])
    found = ndcg(usual, np.stack([usual * 3.0, usual[::-1], np.ones(4)]))
    assert found[0] == pytest.approx(1.0)
    assert found[1] < found[2] <= 1.0
