"""Whatever sound window a device sends, it is judged: a report must never stop the judging of the others."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from detectors import EncodedWindow, WindowArrays, charts_of, empty_state, judge, level_for, stack_encoded
from detectors.charts import ALL_FEATURES
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer, encode_summary
from fleet_server.drift.findings import Row, device_verdict, fleet_verdict
from fleet_server.drift.fleet_frames import decode_fleet, encode_fleet
from fleet_server.drift.frames import evidence
from fleet_server.drift.halves import Counted, Half
from fleet_server.drift.judging import HalfJudgement
from fleet_server.drift.pasts import PastKey
from fleet_server.drift.records import judged_halves
from fleet_server.drift.sentences import word
from fleet_server.drift.verdict import DEVICE_KINDS

FEW = st.integers(1, 12)
DEVICES = "abcdef"
LEVELS = level_for(0.5, 24, 30)
float32s = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def columns(draw: st.DrawFn) -> NDArray[np.float32]:
    return draw(arrays(np.float32, (draw(FEW), 2), elements=float32s))


def summary_of(counted: Counted, rows: NDArray[np.float32]) -> bytes:
    summarizer = RowSummarizer(counted.baseline)
    for row in rows:
        summarizer.update(row[:1].copy(), row[1:].astype(np.float64))
    return encode_summary(summarizer.take(), counted.baseline)


def judge_often(half: Half, window: WindowArrays) -> HalfJudgement:
    """Judge the same window until every verdict may come."""
    charts = charts_of(half.reference)
    state, own = empty_state(charts), half.of(window)
    for _ in range(10):
        state, judgement = judge(state, half.reference, own, LEVELS)
    return HalfJudgement(PastKey("m", half, 1, ""), own, judgement, is_late=False)


@settings(max_examples=30)
@given(reference=columns(), window=columns(), other=columns())
@pytest.mark.slow
def test_any_rows_against_any_baseline_give_verdicts_that_json_can_hold(
    reference: NDArray[np.float32], window: NDArray[np.float32], other: NDArray[np.float32]
) -> None:
    features, outputs = (Feature(name="a"),), (Output(name="b"),)
    baseline = build_baseline(features, outputs, reference[:, :1].copy(), reference[:, 1:].astype(np.float64))
    counted = Counted(baseline, "0" * 64, "1")
    summaries = dict.fromkeys(DEVICES, summary_of(counted, window)) | {"a": summary_of(counted, other)}
    encoded = [EncodedWindow(name, "", "", summary) for name, summary in summaries.items()]
    laid_out = stack_encoded(counted.reference, counted.reader, encoded)
    judged = [judge_often(half, laid_out) for half in counted.halves]
    rows = [Row(found, 0) for found in judged]
    for place, kind in enumerate(DEVICE_KINDS):
        verdict = device_verdict(rows, place)
        assert_json_holds(verdict.severity, verdict.evidence, word(kind, "a", verdict, 0, {}).sentence)
    assert_json_holds(fleet_verdict(rows).severity, fleet_verdict(rows).evidence)
    for found in judged:
        frame = decode_fleet(encode_fleet(found.half.name, found.judgement, LEVELS))
        for _, stored in judged_halves(found):
            told = evidence((stored,), {stored.reference: frame}, 1)
            assert told.keys() - {ALL_FEATURES} == {*found.half.reference.names}


def assert_json_holds(*values: object) -> None:
    """NaN and infinities would be written as null."""
    assert b"null" not in msgspec.json.encode(values)
