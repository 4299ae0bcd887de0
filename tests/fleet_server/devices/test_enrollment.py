"""A one-time token and a CSR become an identity, once."""

import threading
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from device_contract.canonical import sha256_hex
from device_contract.enrollment import EnrollmentRequest, EnrollmentResponse, decode_enrollment, parse_token
from fleet_server.app import FleetServer
from fleet_server.errors import UnauthenticatedError
from fleet_server.settings import DAY_S, DataFolder
from tests.fleet_server.conftest import AppClient, ManualClock, SharedServer
from tests.fleet_server.enrolling import enroll, make_token, redeem, request_for


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_the_server_chooses_the_name_and_signs_the_devices_key(http: AppClient, folder: DataFolder) -> None:
    key = p256()
    answer = redeem(http, make_token(http, "t1", labels={"site": "north"}), request_for(key, name="#"))
    response = decode_enrollment(answer.content, EnrollmentResponse)
    certificate = x509.load_pem_x509_certificate(response.certificate_pem.encode())
    ca = x509.load_pem_x509_certificate((folder.certificates / "ca.crt").read_bytes())
    certificate.verify_directly_issued_by(ca)
    assert certificate.subject.rfc4514_string() == "CN=t1"
    assert certificate.public_key() == key.public_key()
    assert (response.device_id, response.mqtt_host, response.mqtt_port) == ("t1", "127.0.0.1", 8883)
    assert http.get("/api/v1/devices/t1").json()["labels"] == {"site": "north"}


def test_the_ca_is_given_to_the_holder_of_a_live_token_only(http: AppClient, clock: ManualClock) -> None:
    token = parse_token(make_token(http, "t1", valid_s=60))
    nobody = http.as_holder("")
    given = nobody.get(f"/device/v1/ca/{token.token_id}")
    ca = x509.load_pem_x509_certificate(given.content)
    assert sha256_hex(ca.public_bytes(Encoding.DER)) == token.ca_sha256
    clock.advance(60)
    assert nobody.get(f"/device/v1/ca/{token.token_id}").status_code == 404
    assert nobody.get(f"/device/v1/ca/{'0' * 16}").status_code == 404


def test_a_token_works_once(http: AppClient) -> None:
    token = make_token(http, "t1")
    assert redeem(http, token, request_for(p256())).status_code == 200
    again = redeem(http, token, request_for(p256()))
    assert (again.status_code, again.json()["code"]) == (401, "token_used")
    assert http.as_holder("").get(f"/device/v1/ca/{parse_token(token).token_id}").status_code == 404


def test_of_many_that_redeem_at_once_one_succeeds(http: AppClient, server: FleetServer) -> None:
    request = EnrollmentRequest(token=make_token(http, "t1"), csr_pem=request_for(p256()), profile="generic-x86_64")
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            outcomes.append(server.rooms.devices.enroll(request)[0])
        except UnauthenticatedError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["t1"] + ["token_used"] * 7


def test_wrong_and_expired_tokens_are_refused(http: AppClient, clock: ManualClock) -> None:
    token = make_token(http, "t1", valid_s=60)
    wrong = token.replace(parse_token(token).secret, "x" * 43)
    answers = [redeem(http, text, request_for(p256())) for text in (wrong, "rubbish", "")]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "token_invalid")] * 3
    clock.advance(60)
    assert redeem(http, token, request_for(p256())).json()["code"] == "token_expired"
    assert http.get("/api/v1/devices").json()["items"] == []


@pytest.mark.parametrize(
    ("csr_pem", "code"),
    [
        ("rubbish", "malformed_csr"),
        ("é" * 100, "malformed_csr"),
        (request_for(rsa.generate_private_key(65537, 2048)), "wrong_key_type"),
        (request_for(ec.generate_private_key(ec.SECP384R1())), "wrong_key_type"),
    ],
)
def test_a_refused_request_leaves_the_token_live(shared: SharedServer, csr_pem: str, code: str) -> None:
    token = make_token(shared.http, "t1")
    refused = redeem(shared.http, token, csr_pem)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert redeem(shared.http, token, request_for(p256())).status_code == 200


def test_a_second_enrolment_supersedes_the_first(http: AppClient, server: FleetServer, folder: DataFolder) -> None:
    cut: list[str] = []
    server.rooms.devices.on_cut(cut.append)
    first = enroll(http, "t1", labels={"site": "north"})
    second = enroll(http, "t1")
    revoked = {entry.serial_number for entry in revocations(folder)}
    assert revoked == {first.certificate.serial_number}
    assert second.certificate.serial_number not in revoked
    assert http.get("/api/v1/devices/t1").json()["labels"] == {"site": "north"}
    assert cut == ["t1", "t1"]


def test_a_revoked_device_is_out_until_it_enrols_again(
    http: AppClient, server: FleetServer, folder: DataFolder, clock: ManualClock
) -> None:
    device = enroll(http, "t1")
    assert server.rooms.devices.is_active("t1")
    assert http.post("/api/v1/devices/t1/revoke").json()["state"] == "revoked"
    assert not server.rooms.devices.is_active("t1")
    assert [entry.serial_number for entry in revocations(folder)] == [device.certificate.serial_number]
    enroll(http, "t1")
    assert server.rooms.devices.is_active("t1")
    body = {"name": "admin", "role": "admin", "valid_s": 100 * DAY_S}
    later = http.as_holder(http.post("/api/v1/tokens", json=body).json()["token"])
    clock.advance(91 * DAY_S)
    enroll(later, "t2")
    assert list(revocations(folder)) == []  # what has expired needs no revocation


@pytest.mark.parametrize(
    "body",
    [
        {"device_id": "fleet-server"},
        {"device_id": "a/b"},
        {"device_id": "#"},
        {"device_id": ""},
        {"device_id": "t1\n"},
        {"device_id": "t1", "labels": {"a b": "c"}},
        {"device_id": "t1", "labels": {"a": "\x00"}},
        {"device_id": "t1", "labels": {f"k{number}": "v" for number in range(33)}},
        {"device_id": "t1", "valid_s": 0},
        {"device_id": "t1", "valid_s": 1e30},
        {},
    ],
)
def test_tokens_are_made_for_names_that_are_allowed(shared: SharedServer, body: dict[str, Any]) -> None:
    assert shared.http.post("/api/v1/enrollment-tokens", json=body).status_code == 422


def test_enrolment_refuses_rubbish(http: AppClient) -> None:
    nobody = http.as_holder("")
    for content in (b"", b"{}", b"\xff\xfe", b"[" * 10_000, b'{"schema_version": 2}'):
        assert nobody.post("/device/v1/enroll", content=content).status_code == 422


def revocations(folder: DataFolder) -> x509.CertificateRevocationList:
    crl = x509.load_pem_x509_crl((folder.certificates / "crl.pem").read_bytes())
    ca = x509.load_pem_x509_certificate((folder.certificates / "ca.crt").read_bytes())
    assert crl.is_signature_valid(ca.public_key())  # type: ignore[arg-type]  # an EC key
    return crl
