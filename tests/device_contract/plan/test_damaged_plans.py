"""Rubbish is answered with PlanError; tests/fuzz looks for what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import PlanError
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
