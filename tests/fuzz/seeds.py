"""Right inputs of every target, to mutate: the golden bytes, and what the tests' builders make."""

from pathlib import Path

from device_contract.assignment import AssignedSlot, Assignment, SamplingPolicy
from device_contract.baseline import encode_baseline
from device_contract.canonical import canonical_json
from device_contract.policy import DirectorKeys, Policy
from tests.device_contract.plan.plans import PLANS
from tests.device_contract.sketches.strategies import BASELINE, WIDE

_GOLDEN = Path(__file__).resolve().parent.parent / "golden"
_FOLDERS = {
    "plan": "plan",
    "bundle": "bundle",
    "manifest": "manifest",
    "bundled-files": "selftest",
    "envelope": "envelope",
    "enrollment": "enrollment",
    "messages": "messages",
}
TARGETS = (*_FOLDERS, "orders", "summary", "summary-reader")
_SLOT = AssignedSlot(
    slot="champion", model="power", version="1", target_path="power/1/portable.bundle", sha256="a" * 64, length_bytes=9
)
_SAMPLING = SamplingPolicy(rows_per_window=20, key="0" * 32, redacted=("operator",), minimum_rows=100, explain=True)
_ORDERS = (
    Assignment(
        device_id="turbine-1", sequence=4, action_id="d7", issued_ms=1, expires_ms=2, slots=(_SLOT,), sampling=_SAMPLING
    ),
    Assignment(device_id="turbine-1", sequence=3, action_id="d7", issued_ms=1, expires_ms=2, slots=(_SLOT,)),
    DirectorKeys(keys=("0" * 64,)),
    Policy(release_floors={"power": 2}, revoked=("b" * 64,)),
)


def seeds(target: str) -> list[bytes]:
    """Return right inputs of a target."""
    if target == "orders":
        return [canonical_json(order) for order in _ORDERS]
    if target in {"summary", "summary-reader"}:
        return [bytes.fromhex(path.read_text()) for path in sorted((_GOLDEN / "sketches").glob("*.hex"))]
    golden = [path.read_bytes() for path in sorted((_GOLDEN / _FOLDERS[target]).iterdir())]
    built = {"plan": list(PLANS.values()), "bundled-files": [encode_baseline(BASELINE), encode_baseline(WIDE)]}
    return golden + built.get(target, [])
