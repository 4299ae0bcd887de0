"""The bundles on the disk, by digest: ``bundles/{sha256}.bundle``.

What a slot holds is in the journal; here are only files, each whole and verified
before it gets its name.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from device_contract.baseline import Baseline, decode_baseline
from device_contract.bundle import open_file
from device_contract.errors import ContractError

logger = logging.getLogger(__name__)


class BundleStore:
    """A folder of bundles.

    Args:
        folder: Made if missing.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where the verified bundle of a digest is, or would be."""
        return self._folder / f"{sha256}.bundle"

    def partial_path(self, sha256: str) -> Path:
        """Return where the bundle of a digest grows while it is downloaded."""
        return self._folder / f"{sha256}.part"

    def prune(self, keep: Iterable[str]) -> None:
        """Delete every bundle, whole or partial, but those of the given digests."""
        kept = set(keep)
        for path in self._folder.iterdir():
            if path.stem not in kept:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:  # The next update tries again.
                    logger.warning("cannot delete %s: %s", path, error.strerror)

    def find_baseline(self, baseline_sha256: str) -> Baseline | None:
        """Return the baseline of a digest from whichever bundle has it."""
        for path in self._folder.glob("*.bundle"):
            try:
                bundle = open_file(path)
                if bundle.manifest.baseline.sha256 == baseline_sha256:
                    return decode_baseline(bundle.files[bundle.manifest.baseline.path])
            except ContractError:
                continue
        return None
