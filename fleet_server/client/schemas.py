"""The columns of what the server gives as JSON alone; an empty list has them too."""

from typing import Final

import pyarrow as pa

TIME: Final = pa.timestamp("ms", "UTC")
_TEXTS: Final = pa.list_(pa.string())
_SLOT: Final = pa.struct({name: pa.string() for name in ("slot", "model", "version", "bundle_sha256")})

DEVICES: Final = pa.schema(
    {
        "device_id": pa.string(),
        "labels": pa.map_(pa.string(), pa.string()),
        "state": pa.string(),
        "profile": pa.string(),
        "online": pa.bool_(),
        "agent_version": pa.string(),
        "processor": pa.string(),
        "last_seen": TIME,
        "enrolled": TIME,
        "certificate_expires": TIME,
        "phase": pa.string(),
        "reason_code": pa.string(),
        "detail": pa.string(),
        "action_id": pa.string(),
        "slots": pa.list_(_SLOT),
        "rows_scored": pa.int64(),
        "outbox_reports": pa.int64(),
        "counters": pa.map_(pa.string(), pa.int64()),
    }
)
MODELS: Final = pa.schema({"name": pa.string(), "public_keys": _TEXTS, "threshold": pa.int64(), "created": TIME})
VERDICTS: Final = pa.schema(
    {
        "device_id": pa.string(),
        "model": pa.string(),
        "version": pa.string(),
        "comparison": pa.string(),
        "verdict": pa.string(),
        "features": _TEXTS,
        "outputs": _TEXTS,
        "severity": pa.float64(),
        "since": TIME,
        "stream_since_ms": pa.map_(pa.string(), pa.int64()),
        "cause": pa.string(),
        "sentence": pa.string(),
        "advice": pa.string(),
    }
)
VERDICT_CHANGES: Final = pa.schema(
    {
        "ordinal": pa.int64(),
        "device_id": pa.string(),
        "model": pa.string(),
        "kind": pa.string(),
        "group": pa.string(),
        "version": pa.string(),
        "verdict_before": pa.string(),
        "verdict": pa.string(),
        "features": _TEXTS,
        "outputs": _TEXTS,
        "severity": pa.float64(),
        "since": TIME,
        "changed": TIME,
        "cause": pa.string(),
        "sentence": pa.string(),
        "advice": pa.string(),
    }
)
ALARMED_ROWS: Final = pa.schema(
    {
        "device_id": pa.string(),
        "model": pa.string(),
        "row": pa.int64(),
        "time": TIME,
        "version": pa.string(),
        "window_start": TIME,
        "window_end": TIME,
        "stream": pa.string(),
        "value": pa.float64(),
        "distance_sd": pa.float64(),
        "contributions": pa.list_(pa.float64()),
    }
)
