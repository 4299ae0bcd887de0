"""Atheris targets: every reader of bytes that cross the device's boundary.

A reader answers rubbish with its own error and with nothing else; what it has read can be
written again and says the same. Usage: ``python -m tests.fuzz.readers TARGET [LIBFUZZER OPTION]...``
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import atheris

with atheris.instrument_imports(include=["device_contract"]):
    from device_contract import assignment, baseline, bundle, codec, enrollment, envelope, manifest, policy, selftest
    from device_contract.canonical import canonical_json
    from device_contract.errors import ContractError
    from device_contract.sketches import decode_summary, encode_summary

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device_contract.feedback import Feedback
from device_contract.messages import Ack, AssignmentMessage, Birth, Report, Status
from device_contract.samples import Sample
from tests.device_contract.sketches.strategies import BASELINE, WIDE
from tests.fuzz.bundles import bundle_mutator
from tests.fuzz.documents import Mutator, json_mutator, msgpack_mutator

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
_MESSAGES = (Birth, Status, Report, Sample, Feedback, AssignmentMessage, Ack)
_ENROLLMENTS = (enrollment.EnrollmentRequest, enrollment.EnrollmentResponse, enrollment.RenewalRequest)


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        read: Reads the bytes; raises ``ContractError`` where they are wrong.
        mutate: Makes other bytes of them; libFuzzer's own way if there is none.
    """

    read: Callable[[bytes], None]
    mutate: Mutator | None = None


def read_bundle(data: bytes) -> None:
    opened = bundle.read(data)
    packed = bundle.pack(opened.manifest, {name: bytes(body) for name, body in opened.files.items()})
    assert bundle.read(packed).files == opened.files


def read_manifest(data: bytes) -> None:
    read = manifest.decode_manifest(data)
    assert manifest.decode_manifest(canonical_json(read)) == read


def read_bundled_files(data: bytes) -> None:
    with suppress(ContractError):
        vectors = selftest.decode_self_test(data)
        assert len(vectors.rows()) == len(vectors.expected()) == vectors.n_rows
    reference = baseline.decode_baseline(data)
    assert baseline.decode_baseline(baseline.encode_baseline(reference)) == reference


def read_envelope(data: bytes) -> None:
    envelope.verify(data, "application/example+json", [_KEY])


def read_orders(data: bytes) -> None:
    """What an envelope or TUF has vouched for."""
    with suppress(ContractError):
        read = assignment.decode_assignment(data)
        assert assignment.decode_assignment(canonical_json(read)) == read
    with suppress(ContractError):
        policy.decode_policy_target(data, policy.DirectorKeys).public_keys()
    policy.decode_policy_target(data, policy.Policy)


def read_enrollment(data: bytes) -> None:
    with suppress(ContractError):
        enrollment.parse_token(data.decode(errors="replace"))
    for message_type in _ENROLLMENTS:
        with suppress(ContractError):
            enrollment.decode_enrollment(data, message_type)


def read_message(data: bytes) -> None:
    for message_type in _MESSAGES:
        with suppress(ContractError):
            message = codec.decode(data, message_type)
            assert codec.decode(codec.encode(message), message_type) == message


def read_summary(data: bytes) -> None:
    for reference in (BASELINE, WIDE):
        with suppress(ContractError):
            summary = decode_summary(data, reference)
            again = decode_summary(encode_summary(summary, reference), reference)
            assert (again.rows, again.latency, again.metrics) == (summary.rows, summary.latency, summary.metrics)
            assert (again.score_counts, again.resources) == (summary.score_counts, summary.resources)
            assert [stream.counts for stream in again.streams] == [stream.counts for stream in summary.streams]


TARGETS = {
    "bundle": Target(read_bundle, bundle_mutator),
    "manifest": Target(read_manifest, json_mutator),
    "bundled-files": Target(read_bundled_files, msgpack_mutator),
    "envelope": Target(read_envelope, json_mutator),
    "orders": Target(read_orders, json_mutator),
    "enrollment": Target(read_enrollment, json_mutator),
    "messages": Target(read_message, msgpack_mutator),
    "summary": Target(read_summary),
}


def main() -> None:
    """Fuzz the target that the first argument names; the others are libFuzzer's."""
    target = TARGETS[sys.argv.pop(1)]

    def read(data: bytes) -> None:
        with suppress(ContractError):
            target.read(data)

    with_mutator = {"custom_mutator": target.mutate} if target.mutate else {}
    atheris.Setup(sys.argv, read, **with_mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
