"""Whatever is sent to whichever route, the answer is the server's own: no 5xx, and errors are problem+json.

The requests are made from the server's own OpenAPI description, right ones and wrong
ones; each is sent as it is, and again to a device, a model and a deployment that exist.
"""

import datetime as dt

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation

from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.enrolling import enroll
from tests.fleet_server.releases import Ci

pytestmark = pytest.mark.slow

EXAMPLES = 15
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code"}
EXISTING = {"device_id": "turbine", "model": "power", "version": "1", "deployment_id": "power-1"}


@pytest.fixture
def fleet(http: AppClient, clock: ManualClock) -> AppClient:
    """A server that knows a device, a model with a version, and a deployment of it."""
    ci = Ci("power", dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    enroll(http, "turbine")
    deployment = {"id": "power-1", "model": "power", "version": "1"}
    for path, content in [
        ("/models", {"json": {"name": "power", "public_keys": [ci.public_key]}}),
        ("/models/power/versions", {"files": ci.release("1").files()}),
        ("/deployments", {"json": deployment}),
    ]:
        answer = http.post(f"/api/v1{path}", **content)
        assert answer.status_code == 201, answer.text
    return http


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_route_answers_for_itself(fleet: AppClient, mode: GenerationMode) -> None:
    # Health tells by 503 that the broker of this server does not run.
    schema = schemathesis.openapi.from_dict(fleet.app.openapi()).exclude(path="/health")
    schema.app = fleet.app
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:
        if mode == GenerationMode.POSITIVE or takes_something(operation):
            send_many(operation, mode, fleet.token)


def takes_something(operation: APIOperation) -> bool:
    """Tell whether there is anything to get wrong."""
    return any(len(part) > 0 for part in (operation.path_parameters, operation.query, operation.body))


def send_many(operation: APIOperation, mode: GenerationMode, token: str) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Case) -> None:
        check_answer(case, token)
        existing = {name: EXISTING[name] for name in case.path_parameters or {} if name in EXISTING}
        if existing:
            case.path_parameters.update(existing)
            check_answer(case, token)

    send()


def check_answer(case: Case, token: str) -> None:
    answer = case.call(headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code < 500, case.as_curl_command()
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"], case.as_curl_command()
        problem = answer.json()
        assert set(problem) == PROBLEM_MEMBERS
        assert problem["status"] == answer.status_code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/devices?cursor=%00"),
        ("GET", "/api/v1/alerts?cursor=%00"),
        ("GET", "/api/v1/audit?subject=%00"),
        ("POST", "/api/v1/alerts/%00/acknowledge"),
        ("DELETE", "/api/v1/tokens/%00"),
        ("DELETE", "/api/v1/receivers/%00"),
    ],
)
def test_a_nul_is_refused_before_a_database_sees_it(http: AppClient, method: str, path: str) -> None:
    assert http.request(method, path).status_code == 422
