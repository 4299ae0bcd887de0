"""The knob, the peers' group and the tolerance, over HTTP."""

from typing import Any

import pytest

from detectors import DEFAULT_RATE
from fleet_server.drift.policies import default_policy
from fleet_server.settings import Settings
from tests.fleet_server.conftest import AppClient, SharedServer
from tests.fleet_server.drift.conftest import make_fleet
from tests.fleet_server.drift.fleet import MODEL, Fleet

POLICY = f"/api/v1/models/{MODEL}/drift/policy"


@pytest.fixture
def http(fleet: Fleet, http: AppClient) -> AppClient:  # noqa: ARG001  (whose server has the fleet's model)
    return http


@pytest.fixture(scope="module")
def refusing(shared: SharedServer) -> AppClient:
    make_fleet(shared.server, shared.clock)
    return shared.http


def test_a_model_has_the_servers_policy_until_it_has_its_own(http: Any) -> None:
    assert http.get(POLICY).json() == {
        "model": MODEL,
        "false_alarms": DEFAULT_RATE,
        "group_label": "",
        "tolerance_sd": 0.0,
        "own": {"false_alarms": None, "group_label": None, "tolerance_sd": 0.0},
    }
    wanted = {"false_alarms": 2.0, "group_label": "site", "tolerance_sd": 0.2}
    changed = http.request("PUT", POLICY, json=wanted).json()
    assert changed == {"model": MODEL, **wanted, "own": wanted}
    assert http.get(POLICY).json() == changed
    back = http.request("PUT", POLICY, json={"group_label": ""}).json()
    assert back["own"] == {"false_alarms": None, "group_label": "", "tolerance_sd": 0.0}
    assert back["false_alarms"] == DEFAULT_RATE


def test_a_server_may_set_another_default() -> None:
    assert default_policy(Settings(drift_false_alarms=3.0)).false_alarms == 3.0


def test_each_change_is_in_the_audit_log(http: Any) -> None:
    http.request("PUT", POLICY, json={"false_alarms": 5})
    (line,) = http.get("/api/v1/audit", params={"action": "drift.policy"}).json()["items"]
    assert (line["subject"], line["detail"]) == (MODEL, {"false_alarms": 5.0, "group_label": None, "tolerance_sd": 0.0})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (POLICY, {"false_alarms": 0}, 422),
        (POLICY, {"false_alarms": 1e9}, 422),
        (POLICY, {"group_label": "not a key"}, 422),
        (POLICY, {"group_label": "?"}, 422),
        (POLICY, {"tolerance_sd": -0.1}, 422),
        (POLICY, {"tolerance_sd": 1.1}, 422),
        (POLICY, {"tolerance_sd": None}, 422),
        (POLICY, {"level": 6}, 422),
        ("/api/v1/models/nothing/drift/policy", {}, 404),
    ],
)
def test_a_wrong_policy_is_refused(refusing: AppClient, path: str, body: Any, status: int) -> None:
    assert refusing.request("PUT", path, json=body).status_code == status


def test_a_viewer_may_not_change_it(http: Any) -> None:
    token = http.post("/api/v1/tokens", json={"name": "jo", "role": "viewer"}).json()["token"]
    assert http.as_holder(token).request("PUT", POLICY, json={}).status_code == 403
    assert http.as_holder(token).get(POLICY).status_code == 200
