"""Lanes: the slots that score, each with all that scoring in it needs."""

import array
from collections.abc import Callable, Sequence
from pathlib import Path

from device_contract.assignment import AssignedSlot
from device_contract.baseline import decode_baseline
from device_contract.bundle import open_file
from device_contract.errors import ContractError
from device_contract.messages import SCORING_SLOTS
from edge_agent.errors import AgentError
from edge_agent.frames import reader_for
from edge_agent.predictions import Ring
from edge_agent.probation import Probation
from edge_agent.scoring.scorer import Scorer
from edge_agent.summary import Windows


class Lane:
    """One slot that scores.

    Args:
        slot: What it holds.
        path: The verified bundle.
        window_ms: Length of a window.

    Raises:
        ContractError: The bundle or its model is not sound.
        ModelError: The bundle needs onnxruntime, which is not installed.
    """

    def __init__(self, slot: AssignedSlot, path: Path, window_ms: int) -> None:
        bundle = open_file(path)
        self.slot = slot
        self.answers = slot.slot != "shadow"
        self.labels = bundle.manifest.labels
        self.baseline_sha256 = bundle.manifest.baseline.sha256
        self.features = tuple(feature.name for feature in bundle.manifest.features)
        self.reader = reader_for(bundle.manifest)
        self.scorer = Scorer.from_bundle(bundle)
        baseline = decode_baseline(bundle.files[bundle.manifest.baseline.path])
        self.windows = Windows(baseline, window_ms, self.scorer)
        self.outputs = array.array("d", bytes(8 * len(bundle.manifest.outputs)))
        self.probation: Probation | None = None
        self.ring: Ring | None = None


def load_lanes(slots: Sequence[AssignedSlot], path_of: Callable[[str], Path], window_ms: int) -> tuple[Lane, ...]:
    """Load the slots that score: the champion and the shadow.

    Raises:
        ContractError: A bundle cannot be loaded.
        ModelError: A bundle needs onnxruntime, which is not installed.
    """
    return tuple(Lane(slot, path_of(slot.sha256), window_ms) for slot in slots if slot.slot in SCORING_SLOTS)


def load_fallback(slots: Sequence[AssignedSlot], path_of: Callable[[str], Path], window_ms: int) -> tuple[Lane, ...]:
    """Load the fallback in the champion's place; nothing when there is none that loads."""
    for slot in slots:
        if slot.slot == "fallback":
            try:
                return (Lane(slot, path_of(slot.sha256), window_ms),)
            except (ContractError, AgentError):
                continue
    return ()
