"""A device gets its next certificate with the key of the one that it has."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from device_contract.enrollment import EnrollmentResponse, decode_enrollment
from fleet_server.app import FleetServer
from fleet_server.settings import DAY_S, DataFolder
from tests.fleet_server.conftest import AppClient, ManualClock, SharedServer
from tests.fleet_server.enrolling import Enrolled, enroll, request_for


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def renewal(device: Enrolled, csr_pem: str, signing_key: ec.EllipticCurvePrivateKey | None = None) -> dict[str, str]:
    """Return the body of a request."""
    der = x509.load_pem_x509_csr(csr_pem.encode()).public_bytes(Encoding.DER)
    signature = (signing_key or device.key).sign(der, ec.ECDSA(SHA256()))
    return {
        "certificate_pem": device.answer["certificate_pem"],
        "csr_pem": csr_pem,
        "signature": b64encode(signature).decode(),
    }


def ask(http: AppClient, body: Any) -> Any:
    return http.as_holder("").post("/device/v1/renew", json=body)


def renew(http: AppClient, device: Enrolled) -> Enrolled:
    key = p256()
    answer = ask(http, renewal(device, request_for(key)))
    assert answer.status_code == 200, answer.text
    return Enrolled(key, answer.json())


def serials(folder: DataFolder) -> set[int]:
    crl = x509.load_pem_x509_crl((folder.certificates / "crl.pem").read_bytes())
    return {entry.serial_number for entry in crl}


def holds(server: FleetServer, device: Enrolled) -> bool:
    return server.rooms.devices.holds_certificate("t1", device.certificate.serial_number)


def test_the_new_certificate_is_for_the_new_key_and_the_same_name(http: AppClient, clock: ManualClock) -> None:
    first = enroll(http, "t1", labels={"site": "north"})
    clock.advance(45 * DAY_S)
    key = p256()
    answer = ask(http, renewal(first, request_for(key, name="t2")))
    response = decode_enrollment(answer.content, EnrollmentResponse)
    certificate = x509.load_pem_x509_certificate(response.certificate_pem.encode())
    assert (response.device_id, certificate.subject.rfc4514_string()) == ("t1", "CN=t1")
    assert certificate.public_key() == key.public_key()
    shown = http.get("/api/v1/devices/t1").json()
    assert shown["labels"] == {"site": "north"}
    assert shown["certificate_expires_ms"] == clock() + 90 * DAY_S * 1000
    last = http.get("/api/v1/audit?limit=500").json()["items"]
    assert ("device:t1", "device.renew") in {(entry["actor"], entry["action"]) for entry in last}


def test_revocations_at_the_same_moment_are_all_in_the_list(http: AppClient, folder: DataFolder) -> None:
    devices = [enroll(http, f"t{number}") for number in range(8)]
    with ThreadPoolExecutor(len(devices)) as operators:
        paths = [f"/api/v1/devices/t{number}/revoke" for number in range(len(devices))]
        assert [answer.status_code for answer in operators.map(http.post, paths)] == [200] * len(devices)
    assert serials(folder) == {device.certificate.serial_number for device in devices}


def test_the_old_certificate_stays_until_the_device_renews_with_the_new_one(
    http: AppClient, server: FleetServer, folder: DataFolder
) -> None:
    first = enroll(http, "t1")
    second = renew(http, first)
    assert holds(server, first)
    assert holds(server, second)
    third = renew(http, second)
    assert [holds(server, device) for device in (first, second, third)] == [False, True, True]
    assert serials(folder) == {first.certificate.serial_number}


def test_an_answer_that_was_lost_is_asked_for_again(http: AppClient, server: FleetServer) -> None:
    first = enroll(http, "t1")
    lost, second = renew(http, first), renew(http, first)
    assert [holds(server, device) for device in (first, lost, second)] == [True, False, True]


def test_who_is_revoked_expired_or_superseded_does_not_renew(http: AppClient, clock: ManualClock) -> None:
    first = enroll(http, "t1")
    second = enroll(http, "t1")
    third = enroll(http, "t2")
    http.post("/api/v1/devices/t2/revoke")
    clock.advance(60)
    for device in (first, third):
        refused = ask(http, renewal(device, request_for(p256())))
        assert (refused.status_code, refused.json()["code"]) == (401, "renewal_refused")
        assert "revoked; enrol again" in refused.json()["detail"]
    clock.advance(90 * DAY_S)
    expired = ask(http, renewal(second, request_for(p256())))
    assert (expired.status_code, expired.json()["detail"]) == (401, "the certificate has expired; enrol again")


def test_only_the_key_of_a_certificate_of_ours_renews_it(http: AppClient) -> None:
    device, other = enroll(http, "t1"), enroll(http, "t2")
    stolen = ask(http, renewal(device, request_for(p256()), other.key))
    assert (stolen.status_code, stolen.json()["code"]) == (401, "renewal_refused")
    moved = renewal(device, request_for(p256())) | {"csr_pem": request_for(p256())}
    assert ask(http, moved).status_code == 401
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "t1")])
    own = x509.CertificateBuilder(name, name, device.key.public_key(), device.certificate.serial_number)
    own = own.not_valid_before(device.certificate.not_valid_before_utc)
    forged = own.not_valid_after(device.certificate.not_valid_after_utc).sign(device.key, SHA256())
    body = renewal(device, request_for(p256()))
    body["certificate_pem"] = forged.public_bytes(Encoding.PEM).decode()
    assert ask(http, body).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"certificate_pem": "rubbish"},
        {"csr_pem": "é"},
        {"csr_pem": "x" * 20_000},
        {"signature": "not base64!"},
        {"signature": "A" * 1000},
        {"schema_version": 2},
        {"certificate_pem": 7},
    ],
    ids=str,
)
def test_what_is_malformed_is_refused(shared: SharedServer, change: dict[str, Any]) -> None:
    device = enroll(shared.http, "t1")
    assert ask(shared.http, renewal(device, request_for(p256())) | change).status_code == 422


def test_a_key_of_another_kind_is_refused(http: AppClient, server: FleetServer) -> None:
    device = enroll(http, "t1")
    refused = ask(http, renewal(device, request_for(rsa.generate_private_key(65537, 2048))))
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_key_type")
    assert holds(server, device)
