"""Whatever is sent to any route, the answer is no 5xx, and every refusal is problem+json.

The requests are made from the server's own OpenAPI description, right ones and wrong ones.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from fleet_server.app import FleetServer
from fleet_server.settings import DataFolder, Settings
from fleet_server.setup import set_up
from tests.fleet_server.conftest import ManualClock

EXAMPLES = 8


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FleetServer, str, str]]:
    """A server that listens without TLS, its address, and an administrator's token."""
    clock = ManualClock()
    folder = DataFolder(tmp_path_factory.mktemp("robustness") / "fleet")
    set_up(folder, Settings(), clock)
    built = FleetServer(folder, Settings(), clock)
    runner = uvicorn.Server(uvicorn.Config(built.app, port=0, lifespan="off", log_config=None))
    thread = threading.Thread(target=runner.run)
    thread.start()
    while not runner.started:
        thread.join(0.01)
    port = runner.servers[0].sockets[0].getsockname()[1]
    yield built, f"http://127.0.0.1:{port}", folder.admin_token.read_text().strip()
    runner.should_exit = True
    thread.join()
    built.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_brings_a_route_down(fleet: tuple[FleetServer, str, str], mode: GenerationMode) -> None:
    server, address, token = fleet
    schema = schemathesis.openapi.from_dict(server.app.openapi(), config=SchemathesisConfig())
    names = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode == GenerationMode.POSITIVE or _takes_anything(operation):
            names.append(operation.label)
            _attack(operation, address, token, mode)
    assert len(names) > 20


def _takes_anything(operation: Any) -> bool:
    """Tell whether there is anything to get wrong."""
    return any(len(part) > 0 for part in (operation.path_parameters, operation.query, operation.body))


def _attack(operation: Any, address: str, token: str, mode: GenerationMode) -> None:
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case: Any) -> None:
        # The token that the attack uses must outlive it.
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(base_url=address, headers=headers)
        assert answer.status_code < 500 or "/health" in operation.path, case.as_curl_command()
        if answer.status_code >= 400 and "/health" not in operation.path:
            assert answer.headers["content-type"] == ["application/problem+json"], case.as_curl_command()

    attack()
