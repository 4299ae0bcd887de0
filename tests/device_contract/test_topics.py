"""Topics: what is built is parsed, and nothing else."""

import string
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract import topics
from device_contract.errors import TopicError
from device_contract.topics import DownKind, Topic, UpKind

device_ids = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)


@given(device_ids, st.sampled_from(get_args(UpKind)))
def test_an_up_topic_survives_its_round_trip(device_id: str, kind: UpKind) -> None:
    assert topics.parse(topics.up(device_id, kind)) == Topic(device_id, "up", kind)


@given(device_ids, st.sampled_from(get_args(DownKind)))
def test_a_down_topic_survives_its_round_trip(device_id: str, kind: DownKind) -> None:
    assert topics.parse(topics.down(device_id, kind)) == Topic(device_id, "down", kind)


@given(st.text(max_size=100))
def test_rubbish_is_one_error(text: str) -> None:
    for candidate in (text, f"leeway/v1/{text}/up/report", f"leeway/v1/a/{text}", f"leeway/v1/a/up/{text}"):
        try:
            parsed = topics.parse(candidate)
        except TopicError:
            continue
        assert f"leeway/v1/{parsed.device_id}/{parsed.direction}/{parsed.kind}" == candidate


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "leeway/v1/a/up",
        "leeway/v1/a/up/report/",
        "/leeway/v1/a/up/report",
        "leeway/v2/a/up/report",
        "leeway/v1//up/report",
        "leeway/v1/+/up/report",
        "leeway/v1/#",
        "leeway/v1/a\n/up/report",
        "leeway/v1/a/up/ack",
        "leeway/v1/a/down/report",
        "leeway/v1/a/sideways/report",
        "leeway/v1/" + "a" * 65 + "/up/report",
    ],
)
def test_what_is_not_a_topic_is_refused(topic: str) -> None:
    with pytest.raises(TopicError):
        topics.parse(topic)


@pytest.mark.parametrize("device_id", ["", "a/b", "+", "#", "a b", "ä", "a" * 65, "a\n"])
def test_no_topic_is_built_for_what_is_not_a_device(device_id: str) -> None:
    with pytest.raises(TopicError, match="not a device id"):
        topics.up(device_id, "report")
    with pytest.raises(TopicError, match="not a device id"):
        topics.down(device_id, "ack")


def test_the_filter_stands_for_every_device() -> None:
    assert topics.all_up("report") == "leeway/v1/+/up/report"
