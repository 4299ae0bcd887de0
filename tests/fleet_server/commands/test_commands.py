"""Each command against a real server: its table, its JSON, and what it changed."""

import datetime as dt
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device_contract.enrollment import EnrollmentResponse
from fleet_server.trust.files import read_ed25519_key
from tests.fleet_server.commands.conftest import Ask, Operate
from tests.fleet_server.commands.obedient_device import ObedientDevice, enroll
from tests.fleet_server.commands.running_server import LEEWAY_FLEET, RunningServer
from tests.fleet_server.releases import Ci

pytestmark = pytest.mark.slow

AddDevice = Callable[..., EnrollmentResponse]
PublishVersion = Callable[[str, str], None]


@pytest.fixture
def add_device(operate: Operate, server: RunningServer, tmp_path: Path) -> AddDevice:
    """Enrol a device with the token that the command line makes."""

    def add(device_id: str, *labels: str) -> EnrollmentResponse:
        options = [part for label in labels for part in ("--label", label)]
        token = operate("devices", "enroll-token", device_id, *options).stdout.strip()
        return enroll(server, token, tmp_path)

    return add


@pytest.fixture
def publish_version(operate: Operate, server: RunningServer, ci_key: Ed25519PrivateKey, ci_pub: Path) -> PublishVersion:
    """Create a model by the command line and publish a version of it, as CI does."""

    def publish(model: str, version: str) -> None:
        assert operate("models", "create", model, "--key", str(ci_pub)).exit_code == 0
        release = Ci(model, dt.datetime.now(dt.UTC).replace(microsecond=0), ci_key).release(version)
        answer = server.post(f"/api/v1/models/{model}/versions", files=release.files())
        assert answer.status_code == 201, answer.text

    return publish


@pytest.mark.parametrize(
    "noun", ["devices", "models", "deployments", "drift", "alerts", "incidents", "retraining", "tokens", "audit"]
)
def test_each_list_is_a_table_or_json(operate: Operate, ask: Ask, noun: str) -> None:
    page = ask(noun, "list")
    assert set(page) == {"items", "next_cursor"}
    table = operate(noun, "list")
    assert (table.exit_code, table.stderr) == (0, "")
    assert len(table.stdout.splitlines()) == 1 + len(page["items"])


def test_a_device_is_enrolled_labelled_and_revoked(operate: Operate, ask: Ask, add_device: AddDevice) -> None:
    add_device("turbine-1", "site=north", "row=2")
    assert "turbine-1" in operate("devices", "list", "--label", "site=north", "--label", "row=2").stdout
    assert "turbine-1" not in operate("devices", "list", "--label", "site=south").stdout
    assert ask("devices", "label", "turbine-1", "site=south")["labels"] == {"site": "south"}
    shown = operate("devices", "show", "turbine-1").stdout
    assert "site=south" in shown
    assert "generic-x86_64" in shown
    assert operate("devices", "revoke", "turbine-1").stdout == "turbine-1 is revoked\n"
    assert ask("devices", "show", "turbine-1")["state"] == "revoked"
    assert ask("audit", "list", "--subject", "turbine-1", "--limit", "1")["items"][0]["action"] == "device.revoke"


def test_a_list_follows_the_pages(operate: Operate, ask: Ask) -> None:
    for number in range(3):
        assert operate("tokens", "create", f"page-{number}", "--role", "viewer").exit_code == 0
    first = ask("tokens", "list", "--limit", "2")
    assert len(first["items"]) == 2
    assert first["next_cursor"] is not None
    assert "--all" in operate("tokens", "list", "--limit", "2").stderr
    every = ask("tokens", "list", "--all")
    assert {"page-0", "page-1", "page-2"} <= {token["name"] for token in every["items"]}
    assert every["next_cursor"] is None


def test_all_goes_past_the_servers_largest_page(ask: Ask, operate: Operate) -> None:
    for _ in range(3):
        operate("tokens", "create", "many", "--role", "viewer")
    total = len(ask("audit", "list", "--all")["items"])
    assert len(ask("audit", "list", "--limit", str(total - 1))["items"]) == total - 1


def test_a_token_works_until_it_is_deleted(operate: Operate, ask: Ask) -> None:
    made = ask("tokens", "create", "shift", "--role", "operator", "--valid-s", "600")
    assert operate("devices", "list", "--token", made["token"]).exit_code == 0
    assert operate("tokens", "delete", made["token_id"]).stdout == f"{made['token_id']} is deleted\n"
    assert operate("devices", "list", "--token", made["token"]).exit_code == 4


def test_a_data_folder_is_connection_enough(
    operate: Operate, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LEEWAY_SERVER", "LEEWAY_TOKEN", "LEEWAY_CA"):
        monkeypatch.delenv(name)
    assert operate("devices", "list", "--data", str(server.data)).exit_code == 0


def test_a_model_shows_its_versions(operate: Operate, ask: Ask, publish_version: PublishVersion) -> None:
    publish_version("shown", "1.0")
    assert len(ask("models", "show", "shown")["public_keys"][0]) == 64
    assert [item["version"] for item in ask("models", "versions", "shown")["items"]] == ["1.0"]
    assert "release counter" in operate("models", "versions", "shown").stdout
    assert "wind" in operate("models", "show", "shown", "1.0").stdout
    assert operate("models", "show", "shown", "2.0").exit_code == 6


@pytest.fixture
def obedient(server: RunningServer, add_device: AddDevice, tmp_path: Path) -> Iterator[str]:
    """A connected device in a group of its own."""
    director = read_ed25519_key(server.data / "keys" / "director.key").public_key()
    with ObedientDevice(add_device("obedient", "group=watched"), tmp_path, director):
        yield "obedient"


def test_a_deployment_is_watched_to_its_end(
    operate: Operate, ask: Ask, publish_version: PublishVersion, obedient: str
) -> None:
    publish_version("watched", "1")
    create = ("deployments", "create", "--model", "watched", "--version", "1", "--id", "watched-1")
    waves = ("--label", "group=watched", "--waves", "50,100", "--success-threshold", "1", "--error-threshold", "0")
    plan = ask(*create, *waves, "--dry-run")
    assert [wave["members"] for wave in plan["waves"]] == [[obedient], []]
    assert operate("deployments", "show", "watched-1").exit_code == 6
    assert ask(*create, *waves, "--soak-s", "0")["id"] == "watched-1"
    watched = operate("deployments", "watch", "watched-1")
    assert (watched.exit_code, watched.stdout) == (0, "watched-1 is finished\n"), watched.output
    assert "wave 1 passed, 1 succeeded" in watched.stderr
    assert "succeeded" in operate("deployments", "actions", "watched-1", "--state", "succeeded").stdout
    assert "wave" in operate("deployments", "show", "watched-1").stdout
    assert operate("deployments", "pause", "watched-1").exit_code == 7


def test_a_deployment_is_held_taken_on_and_aborted(
    operate: Operate, ask: Ask, publish_version: PublishVersion, add_device: AddDevice
) -> None:
    publish_version("steered", "1")
    add_device("silent", "group=steered")
    ask(
        *("deployments", "create", "--model", "steered", "--version", "1", "--id", "steered-1"),
        *("--label", "group=steered", "--waves", "group=steered,100"),
    )
    assert operate("deployments", "pause", "steered-1").stdout == "steered-1 is paused\n"
    assert operate("deployments", "resume", "steered-1").stdout == "steered-1 is running\n"
    watch = [*LEEWAY_FLEET, "deployments", "watch", "steered-1", "--json"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        assert watching.stderr.readline().startswith("running: wave 1 ")
        assert operate("deployments", "abort", "steered-1").stdout == "steered-1 is aborted\n"
        answer, progress = watching.communicate(timeout=120)
    assert watching.returncode == 1
    assert json.loads(answer)["state"] == "aborted"
    assert progress.splitlines()[-1].startswith("aborted (operator): ")


def test_a_deployment_is_rolled_back(
    operate: Operate, ask: Ask, publish_version: PublishVersion, add_device: AddDevice
) -> None:
    publish_version("undone", "1")
    add_device("undone-device", "group=undone")
    create = ("deployments", "create", "--model", "undone", "--version", "1", "--waves", "100")
    deployment = ask(*create, "--label", "group=undone")["id"]
    assert operate("deployments", "rollback", deployment).exit_code == 0
    assert ask("deployments", "show", deployment)["state"] in {"rolling_back", "rolled_back"}


def test_a_receiver_is_added_and_removed(operate: Operate, ask: Ask) -> None:
    added = operate("receivers", "add", "ops", "--webhook", "https://ops.example/hook", "--minimum", "warning")
    assert len(added.stdout.strip()) > 40, added.output
    assert "ops" in operate("receivers", "list").stdout
    assert operate("receivers", "remove", "ops").exit_code == 0
    assert ask("receivers", "list")["items"] == []
    assert operate("receivers", "add", "plant", "--mqtt").stdout == "plant is told\n"
    assert operate("receivers", "add", "both", "--mqtt", "--mail", "a@b.example").exit_code == 2
    assert operate("receivers", "add", "loop", "--webhook", "http://127.0.0.1/").exit_code == 8
    operate("receivers", "remove", "plant")


@pytest.mark.parametrize("name", ["rules.toml", "rules.json"])
def test_rules_are_applied_from_a_file_and_removed(operate: Operate, ask: Ask, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    rule = {"name": "late", "signal": "report.latency_s", "above": 60}
    toml = "[[rules]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in rule.items())
    file.write_text(json.dumps({"rules": [rule]}) if name.endswith("json") else toml)
    assert operate("rules", "apply", str(file)).stdout == "late is in force\n"
    assert ask("rules", "show", "late")["rule"]["above"] == 60
    assert "report.latency_s" in operate("rules", "signals").stdout
    assert operate("rules", "remove", "late").exit_code == 0
    file.write_text("= [")
    assert operate("rules", "apply", str(file)).exit_code == 2


def test_a_silence_is_added_and_ended(operate: Operate, ask: Ask) -> None:
    added = operate("silences", "add", "--for-s", "60", "--rule", "peers", "--label", "site=north", "--reason", "crane")
    silence_id = added.stdout.strip()
    (silence,) = [item for item in ask("silences", "list")["items"] if item["silence_id"] == silence_id]
    assert silence["matcher"]["labels"] == {"site": "north"}
    assert operate("silences", "end", silence_id).exit_code == 0


def test_a_model_is_asked_to_be_trained_anew(
    operate: Operate, ask: Ask, publish_version: PublishVersion, tmp_path: Path
) -> None:
    publish_version("tired", "1")
    request_id = operate("retraining", "open", "tired", "--reason", "winter").stdout.strip()
    assert ask("models", "show", "tired")["retraining"]["request_id"] == request_id
    assert "winter" in operate("retraining", "show", request_id).stdout
    rows = tmp_path / "rows.parquet"
    assert operate("retraining", "rows", request_id, "--out", str(rows)).exit_code == 0
    assert rows.read_bytes().startswith(b"PAR1")
    assert operate("retraining", "rows", request_id, "--out", str(tmp_path / "no" / "rows")).exit_code == 2
    assert operate("retraining", "accept", request_id).exit_code == 0
    assert operate("retraining", "answer", request_id, "1").stdout == f"{request_id} is answered by 1\n"
    assert operate("retraining", "withdraw", request_id).exit_code == 7


def test_the_fleet_and_a_model_are_reported(
    operate: Operate, ask: Ask, publish_version: PublishVersion, tmp_path: Path
) -> None:
    publish_version("summed", "1")
    assert ask("report", "model", "summed", "--days", "1")["model"] == "summed"
    assert "online" in operate("report", "fleet").stdout
    page = tmp_path / "fleet.html"
    assert operate("report", "fleet", "--html", str(page)).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert ask("report", "subscriptions")["items"] == []
    assert operate("report", "subscribe", "nobody", "--every", "day").exit_code == 6
    assert operate("report", "unsubscribe", "nothing").exit_code == 6


@pytest.mark.parametrize("verb", [("show",), ("acknowledge",), ("close",), ("assign", "anna")])
def test_an_incident_that_is_not_there_is_not_found(operate: Operate, verb: tuple[str, ...]) -> None:
    result = operate("incidents", verb[0], "none", *verb[1:])
    assert result.exit_code == 6, result.output


def test_drift_of_a_device_is_shown(operate: Operate, add_device: AddDevice) -> None:
    add_device("drifting")
    shown = operate("drift", "show", "drifting")
    assert shown.exit_code == 0, shown.output


def test_a_models_drift_policy_is_changed_by_what_is_named(
    operate: Operate, ask: Ask, publish_version: PublishVersion
) -> None:
    publish_version("judged", "1")
    policy = ("drift", "policy", "judged")
    assert ask(*policy, "--false-alarms", "2")["own"] == {"false_alarms": 2.0, "group_label": None, "tolerance_sd": 0.0}
    assert ask(*policy, "--tolerance-sd", "0.2")["tolerance_sd"] == 0.2
    assert ask(*policy)["own"] == {"false_alarms": 2.0, "group_label": None, "tolerance_sd": 0.2}
    for number, said in {"-1": "at least 0", "1.5": "at most 1", "nan": "finite"}.items():
        refused = operate(*policy, "--tolerance-sd", number)
        assert (refused.exit_code, refused.stdout) == (2 if number == "nan" else 8, "")
        assert said in refused.stderr
    assert ask(*policy, "--tolerance-sd", "0")["tolerance_sd"] == 0.0


def test_an_alert_that_is_not_there_cannot_be_acknowledged(operate: Operate) -> None:
    result = operate("alerts", "acknowledge", "none")
    assert result.exit_code == 6, result.output


def test_labels_are_sent_listed_and_explained(
    operate: Operate, ask: Ask, add_device: AddDevice, publish_version: PublishVersion, tmp_path: Path
) -> None:
    add_device("mill-1")
    publish_version("grinding", "1")
    labels = tmp_path / "labels.csv"
    labels.write_text("device_id,version,time_ms,label,prediction\nmill-1,1,1,2.5,2\nmill-2,1,1,2.5,2\n")
    sent = operate("feedback", "send", "grinding", str(labels))
    assert (sent.exit_code, "unknown_device" in sent.stdout) == (1, True)
    assert [item["reason"] for item in ask("feedback", "list", "grinding")["items"]] == ["no_window"]
    assert [item["labels"] for item in ask("feedback", "refusals", "grinding")["items"]] == [1]
    labels.write_text("device_id,version,time_ms,label\nmill-1,1,1,2.5\n")
    assert ask("feedback", "send", "grinding", str(labels))["repeated"] == 1
    assert operate("feedback", "send", "grinding", str(tmp_path / "labels.txt")).exit_code == 2
    assert operate("feedback", "send", "grinding", str(tmp_path / "none.csv")).exit_code == 2


def test_performance_is_shown_and_metrics_are_limited(
    operate: Operate, ask: Ask, publish_version: PublishVersion
) -> None:
    publish_version("milling", "1")
    assert ask("performance", "show", "milling", "--by", "device")["items"] == []
    assert operate("performance", "show", "milling", "--by", "segment").exit_code == 2
    assert ask("performance", "report", "milling", "1")["labelled"] == 0
    assert ask("performance", "limit", "milling", "yield", "--below", "0.9")["minimum_count"] == 1
    assert [item["below"] for item in ask("performance", "limits", "milling")["items"]] == [0.9]
    assert operate("performance", "unlimit", "milling", "yield").exit_code == 0
    assert operate("performance", "unlimit", "milling", "yield").exit_code == 6


def test_a_redacted_feature_that_no_model_has_is_told(
    operate: Operate, ask: Ask, publish_version: PublishVersion
) -> None:
    publish_version("sampled", "1")
    feature = ask("models", "versions", "sampled")["items"][0]["features"][0]
    slip = operate("sampling", "set", "slip", "--rows", "0", "--redact", feature, "--redact", "temprature")
    assert slip.exit_code == 0
    assert slip.stderr == "no model has the feature temprature: is it written right?\n"
    assert operate("sampling", "set", "slip", "--rows", "0", "--redact", feature).stderr == ""
