"""A device of the fleet that enrols, connects, and succeeds in whatever it is assigned."""

import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paho.mqtt.enums import CallbackAPIVersion

from device_contract import topics
from device_contract.assignment import PAYLOAD_TYPE, AssignedSlot, Assignment, decode_assignment
from device_contract.canonical import canonical_json
from device_contract.codec import decode, encode
from device_contract.enrollment import EnrollmentRequest, EnrollmentResponse, decode_enrollment
from device_contract.envelope import verify
from device_contract.messages import AssignmentMessage, SlotState, Status
from tests.fleet_server.commands.running_server import RunningServer
from tests.fleet_server.enrolling import request_for
from tests.support.messages import make_birth, make_status


def enroll(server: RunningServer, token: str, folder: Path) -> EnrollmentResponse:
    """Redeem a token; the key and the certificate go into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    body = EnrollmentRequest(token=token, csr_pem=request_for(key), profile="generic-x86_64")
    answer = server.post("/device/v1/enroll", content=canonical_json(body))
    assert answer.status_code == 200, answer.text
    enrolled = decode_enrollment(answer.content, EnrollmentResponse)
    (folder / "device.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "device.crt").write_text(enrolled.certificate_pem)
    return enrolled


class ObedientDevice:
    """Answers each assignment with success, as long as it is entered as a context.

    Args:
        enrolled: Its identity.
        folder: Where ``enroll`` put the key and the certificate.
        director: The public key that signs assignments.
    """

    def __init__(self, enrolled: EnrollmentResponse, folder: Path, director: Any) -> None:
        self._device_id = enrolled.device_id
        self._director = director
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self._device_id)
        context = ssl.create_default_context(cadata=enrolled.ca_pem)
        context.load_cert_chain(folder / "device.crt", folder / "device.key")
        self._client.tls_set_context(context)
        self._client.on_connect = self._greet
        self._client.on_message = self._obey
        self._client.connect(enrolled.mqtt_host, enrolled.mqtt_port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _greet(self, client: paho.Client, *_: Any) -> None:
        birth = make_birth(self._device_id)
        client.subscribe(topics.down(self._device_id, "assignment"), 1)
        client.publish(topics.up(self._device_id, "birth"), encode(birth), 1, retain=True)

    def _obey(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        envelope = decode(message.payload, AssignmentMessage).envelope
        status = self._success(decode_assignment(verify(envelope, PAYLOAD_TYPE, [self._director])))
        client.publish(topics.up(self._device_id, "status"), encode(status), 1, retain=True)

    def _success(self, assignment: Assignment) -> Status:
        return make_status(
            self._device_id,
            time_ms=assignment.issued_ms,
            action_id=assignment.action_id,
            assignment_sequence=assignment.sequence,
            phase="succeeded",
            slots=tuple(_held(slot) for slot in assignment.slots),
        )


def _held(slot: AssignedSlot) -> SlotState:
    return SlotState(slot=slot.slot, model=slot.model, version=slot.version, bundle_sha256=slot.sha256)
