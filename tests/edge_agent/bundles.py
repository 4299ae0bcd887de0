"""Small real bundles: a linear model of two features, score = gain * left + right."""

import array

from device_contract.assignment import AssignedSlot, target_path
from device_contract.baseline import Baseline
from device_contract.canonical import sha256_hex
from device_contract.selftest import SelfTestVectors
from tests.support import bundles, plans

FEATURES, OUTPUTS = ("left", "right"), ("score",)


def doubles(*values: float) -> bytes:
    return array.array("d", values).tobytes()


def linear_plan(gain: float, reference: bytes = b"") -> bytes:
    return plans.linear_plan(2, 1, doubles(gain, 1.0), doubles(0.0), reference=reference)


def baseline() -> Baseline:
    return bundles.make_baseline(FEATURES, OUTPUTS)


def make_bundle(
    version: str,
    *,
    gain: float = 2.0,
    proved_gain: float | None = None,
    profile: str | None = None,
    reference: bytes = b"",
) -> bytes:
    """Return a bundle of the model ``pump``; ``proved_gain`` is what its self-test expects.

    With a reference, the means of the training rows, the model explains itself.
    """
    right = gain if proved_gain is None else proved_gain
    inputs = array.array("f", (1.0, 2.0, -3.0, 0.5)).tobytes()
    vectors = SelfTestVectors(
        n_rows=2, n_features=2, n_outputs=1, inputs=inputs, outputs=doubles(right + 2, 0.5 - 3 * right)
    )
    plan = {"plan": linear_plan(gain, reference)}
    return bundles.make_bundle(
        "pump", version, plan, features=FEATURES, outputs=OUTPUTS, vectors=vectors, profile=profile
    )


def assigned(version: str, bundle: bytes, slot: str = "champion") -> AssignedSlot:
    return AssignedSlot(
        slot=slot,
        model="pump",
        version=version,
        target_path=target_path("pump", version, None),
        sha256=sha256_hex(bundle),
        length_bytes=len(bundle),
    )
