"""The director: signs what each device shall hold."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device_contract.assignment import PAYLOAD_TYPE, Assignment
from device_contract.canonical import canonical_json
from device_contract.envelope import sign
from device_contract.policy import DirectorKeys


class Director:
    """Signs assignments with the director's key, which is used for nothing else."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign_assignment(self, assignment: Assignment) -> bytes:
        """Return the DSSE envelope over an assignment; the same assignment gives the same bytes."""
        return sign(PAYLOAD_TYPE, canonical_json(assignment), [self._key])

    def keys(self) -> DirectorKeys:
        """Return the keys that devices shall accept."""
        return DirectorKeys(keys=(self._key.public_key().public_bytes_raw().hex(),))
