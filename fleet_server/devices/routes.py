"""HTTP of the devices: the operator's side, and the device's own door to enrol and to renew."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from device_contract.canonical import canonical_json
from device_contract.enrollment import EnrollmentRequest, EnrollmentResponse, RenewalRequest, decode_enrollment
from device_contract.errors import EnrollmentError
from device_contract.names import DEVICE_ID_PATTERN
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.devices.labels import parse_filter
from fleet_server.devices.service import Device, DeviceService
from fleet_server.errors import InvalidRequestError
from fleet_server.trust.certificates import IssuedCertificate
from fleet_server.trust.repository import Repository
from fleet_server.web import Cursor, Limit, Page

_RequestT = TypeVar("_RequestT")

DeviceId = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A device's id.")]
Labels = Annotated[dict[str, str], Field(description="Labels, key to value.")]


class SlotJson(BaseModel):
    """What a slot of the device holds."""

    slot: str
    model: str
    version: str
    bundle_sha256: str


class DeviceJson(BaseModel):
    """A device, and the state that it last reported."""

    device_id: str
    labels: dict[str, str]
    state: str
    profile: str
    online: bool
    agent_version: str
    processor: str
    last_seen_ms: int | None
    enrolled_ms: int
    certificate_expires_ms: int
    phase: str
    reason_code: str
    detail: str
    action_id: str
    slots: list[SlotJson]
    rows_scored: int
    outbox_reports: int
    counters: dict[str, int]


class LabelsRequest(BaseModel):
    """All the labels that the device shall have."""

    labels: Labels


class EnrollmentTokenRequest(BaseModel):
    """Which device may enrol."""

    device_id: Annotated[str, Field(pattern=DEVICE_ID_PATTERN)]
    labels: Labels = {}
    valid_s: Annotated[int | None, Field(ge=1, le=30 * 86_400, description="Seconds; the server's default.")] = None


class EnrollmentTokenJson(BaseModel):
    """A one-time token; it is told this once."""

    token: str
    device_id: str
    expires_ms: int


class MqttAddress(BaseModel):
    """Where devices find the broker."""

    host: str
    port: int


def router(devices: DeviceService, auth: AuthService, *, token_life_s: int) -> APIRouter:
    """Build the operator's routes.

    Args:
        devices: The registry.
        auth: Checks roles.
        token_life_s: Life of an enrolment token that names none.
    """
    routes = APIRouter(prefix="/api/v1", tags=["devices"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/devices")
    def list_devices(
        _holder: viewer,
        label: Annotated[list[str], Query(max_length=32, description="`key=value`; may be repeated.")] = [],  # noqa: B006
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DeviceJson]:
        """List devices in order of id, or those that carry all the given labels."""
        found = devices.search(parse_filter(label), limit=limit + 1, after=cursor)
        return Page[DeviceJson].cut([_json(device) for device in found], limit, lambda device: device.device_id)

    @routes.get("/devices/{device_id}")
    def get_device(_holder: viewer, device_id: DeviceId) -> DeviceJson:
        """Show one device."""
        return _json(devices.get(device_id))

    @routes.patch("/devices/{device_id}")
    def set_labels(holder: operator, device_id: DeviceId, body: LabelsRequest) -> DeviceJson:
        """Give a device exactly these labels."""
        return _json(devices.set_labels(holder.name, device_id, body.labels))

    @routes.post("/devices/{device_id}/revoke")
    def revoke(holder: operator, device_id: DeviceId) -> DeviceJson:
        """Revoke a device's certificate and cut its connection."""
        return _json(devices.revoke(holder.name, device_id))

    @routes.post("/enrollment-tokens", status_code=status.HTTP_201_CREATED)
    def create_enrollment_token(holder: operator, body: EnrollmentTokenRequest) -> EnrollmentTokenJson:
        """Make the one-time token with which a device enrols."""
        token, expires_ms = devices.create_enrollment_token(
            holder.name, body.device_id, body.labels, body.valid_s or token_life_s
        )
        return EnrollmentTokenJson(token=str(token), device_id=body.device_id, expires_ms=expires_ms)

    return routes


def device_router(devices: DeviceService, repository: Repository, mqtt: MqttAddress, ca_pem: str) -> APIRouter:
    """Build the device's routes; each is authorised by what the request itself holds."""
    routes = APIRouter(prefix="/device/v1", tags=["device"])

    @routes.get("/ca/{token_id}", response_class=PlainTextResponse)
    def get_ca(token_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]) -> str:
        """Give the fleet's CA certificate (PEM) to the holder of a live enrolment token."""
        return devices.ca_for_token(token_id)

    @routes.post("/enroll", openapi_extra={"requestBody": _body("token", "csr_pem", "profile")})
    async def enroll(request: Request) -> Response:
        """Redeem an enrolment token: a certificate for the device's key, and what it must trust."""
        return await run_in_threadpool(_enroll, await request.body())

    @routes.post("/renew", openapi_extra={"requestBody": _body("certificate_pem", "csr_pem", "signature")})
    async def renew(request: Request) -> Response:
        """Give the next certificate to a device that signs with the key of the one that it has."""
        return await run_in_threadpool(_renew, await request.body())

    def _enroll(body: bytes) -> Response:
        return _identity(*devices.enroll(_decode(body, EnrollmentRequest)))

    def _renew(body: bytes) -> Response:
        return _identity(*devices.renew(_decode(body, RenewalRequest)))

    def _identity(device_id: str, certificate: IssuedCertificate) -> Response:
        answer = EnrollmentResponse(
            device_id=device_id,
            certificate_pem=certificate.pem,
            ca_pem=ca_pem,
            tuf_root=repository.root_text(),
            mqtt_host=mqtt.host,
            mqtt_port=mqtt.port,
        )
        return Response(canonical_json(answer), media_type="application/json")

    return routes


def _json(device: Device) -> DeviceJson:
    return DeviceJson.model_validate({**device.row.model_dump(), "labels": device.labels})


def _decode(body: bytes, request_type: type[_RequestT]) -> _RequestT:
    try:
        return decode_enrollment(body, request_type)
    except EnrollmentError as error:
        raise InvalidRequestError(str(error)) from error


def _body(*names: str) -> dict[str, Any]:
    schema = {"type": "object", "required": sorted(names), "properties": {name: {"type": "string"} for name in names}}
    return {"required": True, "content": {"application/json": {"schema": schema}}}
