"""Whatever sound window a device sends, it is judged: a report must never stop the judging of the others."""

from collections.abc import Mapping

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec.structs import replace
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from detectors import charts_of, empty_state, judge, level_for, stack
from detectors.windows import DeviceWindow
from device_contract.baseline import Baseline
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer, WindowSummary, decode_summary, encode_summary
from fleet_server.drift.causes import cause_of
from fleet_server.drift.findings import Row, device_verdict, fleet_verdict
from fleet_server.drift.fleet_frames import decode_fleet, encode_fleet
from fleet_server.drift.frames import evidence
from fleet_server.drift.halves import Half, halves_of
from fleet_server.drift.judging import HalfJudgement, reference_of
from fleet_server.drift.pasts import PastKey
from fleet_server.drift.records import judged_halves
from fleet_server.drift.sentences import word
from fleet_server.drift.verdict import DEVICE_KINDS

FEW = st.integers(1, 12)
DEVICES = "abcdef"
float32s = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def columns(draw: st.DrawFn) -> NDArray[np.float32]:
    return draw(arrays(np.float32, (draw(FEW), 2), elements=float32s))


def summary_of(baseline: Baseline, rows: NDArray[np.float32]) -> WindowSummary:
    summarizer = RowSummarizer(baseline)
    for row in rows:
        summarizer.update(row[:1].copy(), row[1:].astype(np.float64))
    return decode_summary(encode_summary(summarizer.take(), baseline), baseline)


def judge_often(half: Half, summaries: Mapping[str, WindowSummary]) -> HalfJudgement:
    """Judge the same window until every verdict may come."""
    reference = reference_of(half.baseline)
    charts = charts_of(reference)
    windows = [
        DeviceWindow(name, "", "", replace(summary, streams=summary.streams[half.columns]))
        for name, summary in summaries.items()
    ]
    window, state = stack(reference, windows), empty_state(charts)
    for _ in range(10):
        state, judgement = judge(state, reference, window, level_for(0.5, charts.n_charts, 30))
    return HalfJudgement(half, PastKey("m", half.name, half.reference, 1), reference, window, judgement, is_late=False)


@settings(deadline=None, max_examples=30)
@given(reference=columns(), window=columns(), other=columns())
def test_any_rows_against_any_baseline_give_verdicts_that_json_can_hold(
    reference: NDArray[np.float32], window: NDArray[np.float32], other: NDArray[np.float32]
) -> None:
    features, outputs = (Feature(name="a"),), (Output(name="b"),)
    baseline = build_baseline(features, outputs, reference[:, :1].copy(), reference[:, 1:].astype(np.float64))
    summaries = dict.fromkeys(DEVICES, summary_of(baseline, window)) | {"a": summary_of(baseline, other)}
    judged = [judge_often(half, summaries) for half in halves_of(baseline, "1")]
    rows = [Row(half, 0) for half in judged]
    for place, kind in enumerate(DEVICE_KINDS):
        verdict = device_verdict(rows, place)
        told = word(kind, "a", verdict, cause_of(kind, verdict), 0, {})
        assert_json_holds(verdict.severity, verdict.evidence, told.sentence)
    assert_json_holds(fleet_verdict(rows).severity, fleet_verdict(rows).evidence)
    for half in judged:
        frame = decode_fleet(encode_fleet(half.judgement))
        for _, stored in judged_halves(half):
            assert evidence((stored,), {stored.reference: frame}, 1).keys() == set(frame.streams)


def assert_json_holds(*values: object) -> None:
    """NaN and infinities would be written as null."""
    assert b"null" not in msgspec.json.encode(values)
