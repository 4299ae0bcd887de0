"""Laws of the access rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract import topics
from device_contract.names import DEVICE_ID_PATTERN
from fleet_server.broker.access import UP_KINDS, is_identity, may_publish, may_subscribe
from fleet_server.broker.mosquitto import access_list
from fleet_server.trust.certificates import SERVER_NAME

DEVICE_IDS = st.from_regex(DEVICE_ID_PATTERN, fullmatch=True).filter(lambda text: text != SERVER_NAME)


@given(DEVICE_IDS, DEVICE_IDS, st.sampled_from(UP_KINDS))
def test_a_device_publishes_its_own_up_topics_only(owner: str, other: str, kind: topics.UpKind) -> None:
    assert may_publish(owner, topics.up(owner, kind))
    assert may_publish(owner, topics.up(other, kind)) == (owner == other)


@given(DEVICE_IDS, DEVICE_IDS, st.sampled_from(["assignment", "ack"]))
def test_a_device_reads_its_own_down_topics_only(owner: str, other: str, kind: topics.DownKind) -> None:
    assert may_subscribe(owner, f"leeway/v1/{owner}/down/#")
    assert may_subscribe(owner, topics.down(other, kind)) == (owner == other)
    assert not may_publish(owner, topics.down(owner, kind))


@pytest.mark.parametrize("topic_filter", ["#", "+/#", "leeway/v1/#", "leeway/v1/+/down/#", "$SYS/#", "", "leeway/v1/"])
def test_no_wildcard_reaches_over_a_device(topic_filter: str) -> None:
    assert not may_subscribe("turbine-1", topic_filter)
    assert not may_publish("turbine-1", topic_filter)


@pytest.mark.parametrize("name", ["#", "+", "", "a/b", "a" * 65, "turbine-1\n"])
def test_a_strange_common_name_gets_nothing(name: str) -> None:
    assert not is_identity(name)
    assert not may_publish(name, f"leeway/v1/{name}/up/report")
    assert not may_subscribe(name, f"leeway/v1/{name}/down/#")


def test_the_server_reaches_every_device_and_nothing_else() -> None:
    assert may_subscribe(SERVER_NAME, topics.all_up("report"))
    assert may_publish(SERVER_NAME, topics.down("turbine-1", "assignment"))
    assert not may_subscribe(SERVER_NAME, "#")
    assert not may_publish(SERVER_NAME, "$SYS/broker")


def test_mosquitto_is_told_of_every_kind() -> None:
    rules = access_list().splitlines()
    for kind in UP_KINDS:
        assert f"pattern write leeway/v1/%u/up/{kind}" in rules
