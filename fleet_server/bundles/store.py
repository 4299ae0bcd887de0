"""The store: a folder of bundles, each under its SHA-256.

A bundle appears whole or not at all. Before a file is served for the first time, and
again whenever it has changed on disk, it is hashed: a corrupt one is never handed out.
"""

import hashlib
import logging
import os
import shutil
import threading
from pathlib import Path

from fleet_server.errors import NotFoundError, UnavailableError
from fleet_server.trust.files import sync_folder

_logger = logging.getLogger(__name__)

_Fingerprint = tuple[int, int, int]


class BundleStore:
    """Bundles on disk.

    Args:
        folder: Where they are; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sound: dict[str, _Fingerprint] = {}
        self._lock = threading.Lock()

    def add(self, source: Path, sha256: str) -> None:
        """Copy a verified bundle in; one that is there and sound is left alone.

        Args:
            source: A file whose digest is ``sha256``.
            sha256: The name to store it under.
        """
        with self._lock:
            path = self._path(sha256)
            if path.exists() and self._is_sound(path, sha256):
                return
            draft = path.with_suffix(".draft")
            with source.open("rb") as reader, draft.open("wb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
            draft.replace(path)
            sync_folder(self._folder)

    def open_path(self, sha256: str) -> Path:
        """Return the path of a sound bundle.

        Raises:
            NotFoundError: The bundle is not in the store.
            UnavailableError: The file does not match its digest any more.
        """
        path = self._path(sha256)
        with self._lock:
            if not path.is_file():
                raise NotFoundError(f"no bundle {sha256} in the store")
            if not self._is_sound(path, sha256):
                _logger.error("bundle %s is corrupt on disk; publish it again to mend it", path)
                raise UnavailableError(f"bundle {sha256} is corrupt on disk; publish it again", code="bundle_corrupt")
        return path

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.bundle"

    def _is_sound(self, path: Path, sha256: str) -> bool:
        status = path.stat()
        fingerprint = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._sound.get(sha256) == fingerprint:
            return True
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return False
        self._sound[sha256] = fingerprint
        return True
