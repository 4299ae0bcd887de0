from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from compiler import compile_model
from compiler.backends.artifact import EmittedArtifact
from compiler.budget import Footprint, check, estimated_rss_bytes, hold_telemetry, measure
from compiler.errors import BudgetError
from device_contract.baseline import decode_baseline
from device_contract.bundle import read
from device_contract.plan.scorer import PlanScorer
from device_contract.profile import find_profile
from tests.device_contract.plan.plans import PLANS

PROFILE = find_profile("industrial-gateway")


def test_a_footprint_within_the_budget_is_let_pass() -> None:
    check(Footprint("plan", PROFILE.max_artifact_bytes, PROFILE.max_rss_bytes, PROFILE.max_p99_one_row_us), PROFILE)
    check(Footprint("plan", 1, 1, None), PROFILE)


@pytest.mark.parametrize(
    ("footprint", "figures"),
    [
        (Footprint("plan", 40_000_000, 1, None), "40000000 bytes, at most 33554432"),
        (Footprint("onnx", 1, 200_000_000, None), "memory about 200000000 bytes, at most 134217728"),
        (Footprint("plan", 1, 1, 2500.4), "p99 of one row 2500 us, at most 2000 us"),
    ],
)
def test_a_broken_budget_is_refused_with_the_figures(footprint: Footprint, figures: str) -> None:
    with pytest.raises(BudgetError, match=f"breaks the budget of profile 'industrial-gateway': .*{figures}"):
        check(footprint, PROFILE)


def test_every_figure_that_is_broken_is_named() -> None:
    with pytest.raises(BudgetError, match=r"bytes.*; resident memory.*; p99"):
        check(Footprint("plan", 10**9, 10**9, 1e9), PROFILE)


def test_time_is_measured_only_on_the_profile_s_own_kind_of_processor(rows: NDArray[np.float32]) -> None:
    other = msgspec.structs.replace(PROFILE, processor="armv7")
    artifact = EmittedArtifact("plan", PLANS["trees"])
    assert measure(artifact, other, rows).p99_one_row_us is None


def test_a_larger_artifact_needs_more_memory_and_onnx_more_than_a_plan() -> None:
    small, large = EmittedArtifact("plan", PLANS["linear"]), EmittedArtifact("plan", PLANS["trees"])
    onnx = EmittedArtifact("onnx", PLANS["linear"])
    assert estimated_rss_bytes(small, PROFILE, 4) < estimated_rss_bytes(large, PROFILE, 4)
    assert estimated_rss_bytes(small, PROFILE, 4) < estimated_rss_bytes(onnx, PROFILE, 4)


def test_what_explanations_keep_in_memory_counts() -> None:
    explained = EmittedArtifact("plan", PLANS["trees-explained"])
    beside = estimated_rss_bytes(explained, PROFILE, 2) - len(PLANS["trees-explained"])
    plain = estimated_rss_bytes(EmittedArtifact("plan", PLANS["trees"]), PROFILE, 2) - len(PLANS["trees"])
    assert beside - plain == PlanScorer(PLANS["trees-explained"]).explain_bytes > 11 * 2 * 16


def test_a_microcontroller_holds_one_row() -> None:
    assert estimated_rss_bytes(EmittedArtifact("plan", bytes(10_000)), find_profile("cortex-m4"), 30) == 120


def test_a_bundle_that_breaks_its_profile_is_refused(forest: Any, rows: NDArray[np.float32]) -> None:
    with pytest.raises(BudgetError, match=r"profile 'cortex-m4' takes plan, not onnx"):
        compile_model(forest, rows, name="pump", version="1", profile="cortex-m4", kind="onnx")


def test_reports_that_are_too_large_for_the_profile_are_refused(forest: Any, rows: NDArray[np.float32]) -> None:
    narrow = msgspec.structs.replace(PROFILE, max_telemetry_bytes_per_day=5000)
    baseline = decode_baseline(
        read(compile_model(forest, rows, name="pump", version="1").data).files["baseline.msgpack"]
    )
    scores = np.zeros((len(rows), len(baseline.streams) - rows.shape[1]))
    assert 5000 < hold_telemetry(baseline, rows, scores, PROFILE) < PROFILE.max_telemetry_bytes_per_day
    with pytest.raises(BudgetError, match=r"profile 'industrial-gateway': about \d+ bytes a day, at most 5000"):
        hold_telemetry(baseline, rows, scores, narrow)


@pytest.mark.slow
def test_a_model_too_wide_for_any_report_is_refused_for_a_profile() -> None:
    wide = np.random.default_rng(0).normal(size=(50, 4000)).astype(np.float32)
    model = LinearRegression().fit(wide, wide[:, 0])
    with pytest.raises(BudgetError, match="no report holds the statistics of this model: summary has"):
        compile_model(model, wide, name="wide", version="1", profile="generic-x86_64", kind="plan")
