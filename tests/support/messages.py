"""Messages of a device: a test gives what matters to it, the rest is filled in."""

from typing import Any

from msgspec.structs import replace

from device_contract.feedback import Feedback
from device_contract.messages import Birth, Report, Status
from device_contract.samples import Sample

BOOT_ID = "0123456789abcdef"
_BIRTH = Birth(
    device_id="",
    boot_id=BOOT_ID,
    online=True,
    agent_version="0.1.0",
    profile="generic-x86_64",
    processor="x86_64",
    started_ms=0,
)
_STATUS = Status(
    device_id="",
    boot_id=BOOT_ID,
    time_ms=0,
    action_id="",
    assignment_sequence=1,
    phase="idle",
    reason_code="",
    detail="",
    slots=(),
    rows_scored=0,
    outbox_reports=0,
    counters={},
)
_REPORT = Report(
    device_id="",
    boot_id=BOOT_ID,
    sequence=1,
    slot="champion",
    model="power",
    version="1",
    bundle_sha256="0" * 64,
    baseline_sha256="0" * 64,
    window_start_ms=0,
    window_end_ms=1,
    merged_windows=1,
    rows=1,
    summary=b"",
)
_SAMPLE = Sample(
    device_id="",
    boot_id=BOOT_ID,
    sequence=1,
    slot="champion",
    model="power",
    version="1",
    bundle_sha256="0" * 64,
    window_start_ms=0,
    window_end_ms=1,
    rows_seen=100,
    redacted=(),
    rows=(),
)
_FEEDBACK = Feedback(device_id="", boot_id=BOOT_ID, sequence=1, model="power", version="1", labels=())


def make_birth(device_id: str, **known: Any) -> Birth:
    return replace(_BIRTH, device_id=device_id, **known)


def make_status(device_id: str, **known: Any) -> Status:
    return replace(_STATUS, device_id=device_id, **known)


def make_report(device_id: str, **known: Any) -> Report:
    return replace(_REPORT, device_id=device_id, **known)


def make_sample(device_id: str, **known: Any) -> Sample:
    return replace(_SAMPLE, device_id=device_id, **known)


def make_feedback(device_id: str, **known: Any) -> Feedback:
    return replace(_FEEDBACK, device_id=device_id, **known)
