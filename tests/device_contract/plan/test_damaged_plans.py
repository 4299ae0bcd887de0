"""Rubbish is answered with PlanError; tests/fuzz looks for what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import PlanError
from device_contract.plan.format import Kind, Operation, Plan, Range, write_plan
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS


@given(name=st.sampled_from(sorted(PLANS)), data=st.data())
def test_every_truncation_is_refused(name: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(PLANS[name]) - 1))
    with pytest.raises(PlanError):
        PlanScorer(PLANS[name][:size])


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(PlanError):
        PlanScorer(noise)


def test_a_table_that_too_many_operations_share_is_refused() -> None:
    """The check and the tables for batches would take as many times as long as the plan is."""
    constants = Operation(Kind.CONSTANT, Range(0, 65_536), tables=(bytes(8 * 65_536),))
    few, many = (write_plan(Plan(1, 65_536, Range(0, 1), (constants,) * count)) for count in (2, 1000))
    assert len(many) < 2 * len(few)
    assert PlanScorer(few).n_outputs == 1
    with pytest.raises(PlanError, match="shared too often"):
        PlanScorer(many)
