"""What may follow what."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.errors import ConflictError
from fleet_server.retraining.states import LIVE, TRANSITIONS, State, Verb, following


@given(st.sampled_from(get_args(State)), st.sampled_from(get_args(Verb)))
def test_what_has_ended_stays_as_it_is(state: State, verb: Verb) -> None:
    if state not in LIVE:
        with pytest.raises(ConflictError, match=f"the request is {state}"):
            following(state, verb)
    elif (state, verb) in TRANSITIONS:
        assert following(state, verb) in get_args(State)


@pytest.mark.parametrize("state", LIVE)
def test_every_live_request_can_end(state: State) -> None:
    assert following(state, "answer") == "answered"
    assert following(state, "withdraw") == "withdrawn"
