"""Whatever sound window a device sends, it is judged: a report must never stop the judging of the others."""

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from compiler.baseline import build_baseline
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer, decode_summary, encode_summary
from fleet_server.drift.streams import StreamStates, take_windows
from fleet_server.drift.training import TrainingState, take_window
from fleet_server.drift.windows import summarise
from tests.fleet_server.drift.windows import Floats

FEW = st.integers(1, 12)
float32s = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def columns(draw: st.DrawFn) -> Floats:
    return draw(arrays(np.float32, (draw(FEW), 2), elements=float32s))


@given(reference=columns(), window=columns())
def test_any_rows_against_any_baseline_give_verdicts_that_json_can_hold(reference: Floats, window: Floats) -> None:
    features, outputs = (Feature(name="a"),), (Output(name="b"),)
    baseline = build_baseline(features, outputs, reference[:, :1].copy(), reference[:, 1:].astype(np.float64))
    summarizer = RowSummarizer(baseline)
    for row in window:
        summarizer.update(row[:1].copy(), row[1:].astype(np.float64))
    summary = decode_summary(encode_summary(summarizer.take(), baseline), baseline)
    state, streams = TrainingState(), StreamStates()
    windows = dict.fromkeys("abcd", summarise("1", baseline, summary))
    for _ in range(4):
        state, training = take_window(state, baseline, "a" * 64, summary)
        streams, peers = take_windows(streams, "a", windows)
        for verdict in (training, peers):
            encoded = msgspec.json.encode((verdict.severity, verdict.evidence))
            assert b"null" not in encoded  # how NaN and infinities are written
