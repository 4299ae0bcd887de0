"""The states of a request, and what may follow what (pure).

::

    open --accept--> accepted
      |                 |
      +--answer---------+--> answered   by a version
      +--withdraw-------+--> withdrawn
"""

from collections.abc import Mapping
from typing import Final, Literal

from fleet_server.errors import ConflictError

State = Literal["open", "accepted", "answered", "withdrawn"]
Verb = Literal["accept", "answer", "withdraw"]

LIVE: Final[tuple[State, ...]] = ("open", "accepted")

TRANSITIONS: Final[Mapping[tuple[State, Verb], State]] = {
    ("open", "accept"): "accepted",
    ("open", "answer"): "answered",
    ("open", "withdraw"): "withdrawn",
    ("accepted", "answer"): "answered",
    ("accepted", "withdraw"): "withdrawn",
}


def following(state: State, verb: Verb) -> State:
    """Return the state after a verb.

    Raises:
        ConflictError: The verb does not apply to a request in this state.
    """
    if (state, verb) not in TRANSITIONS:
        raise ConflictError(f"the request is {state}: {verb} does not apply", code="wrong_state")
    return TRANSITIONS[state, verb]
