"""Why an assignment was not carried out: the codes that a Status carries.

``docs/guides/device.md`` has the same table; a test compares them.
"""

from typing import Final

REFUSALS: Final[dict[str, str]] = {
    "assignment_malformed": "The envelope or its payload is not an assignment of a known version.",
    "assignment_signature": "No director key that the fleet's targets role names signed it.",
    "assignment_wrong_device": "It names another device.",
    "assignment_sequence": "Its sequence number is not higher than the last accepted one.",
    "assignment_expired": "Its time has run out.",
    "metadata_expired": "The fleet's TUF metadata have expired; scoring goes on, installs wait.",
    "metadata_untrusted": "The fleet's TUF metadata are not signed as the pinned root demands, or went back.",
    "target_unknown": "No TUF role vouches for the bundle's path.",
    "target_mismatch": "The assignment's digest or length is not the one that TUF vouches for.",
    "release_below_floor": "The release counter is below the model's signed floor.",
    "bundle_revoked": "The signed policy revokes this bundle.",
    "bundle_malformed": "The bundle, its manifest or its artifact is not sound.",
    "bundle_wrong_model": "The bundle's manifest names another model or version than the assignment.",
    "wrong_profile": "The bundle is for another firmware profile.",
    "artifact_kind": "The profile allows none of the bundle's artifacts.",
    "artifact_too_large": "The artifact is larger than the profile allows.",
    "runtime_missing": "The bundle holds an ONNX model alone, and this device has no onnxruntime.",
    "self_test_failed": "A score on this device's own kernel is not the one that the compiler proved.",
    "server_unreachable": "The repository did not answer, or answered with an error, at every attempt.",
    "disk_error": "The state folder could not be read or written (a full disk), at every attempt.",
    "clock_behind": "The device's clock is behind a time that it has already seen, at every attempt.",
    "preparation_timeout": "Fetching and testing took longer than `preparation_timeout_s`, at every attempt.",
    "preparation_crashed": "The process that fetches and tests ended without an answer, at every attempt.",
    "activation_failed": "The bundle could not be loaded.",
    "crash_loop": "The agent ended several times while the bundle was being activated or on probation.",
    "probation_scoring_error": "The model raised an error while on probation.",
    "probation_nan": "The model gave nothing but NaN for a finite row while on probation.",
    "probation_latency": "More than half of the rows on probation took longer than the profile's budget.",
}
