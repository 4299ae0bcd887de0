"""The fleet's TUF repository, seen from a device: python-tuf's client over the fleet's CA."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig
from urllib3.exceptions import HTTPError

from device_contract.policy import (
    DIRECTOR_KEYS_PATH,
    MAX_POLICY_BYTES,
    POLICY_PATH,
    DirectorKeys,
    Policy,
    decode_policy_target,
)
from edge_agent.errors import RefusalError
from edge_agent.trust import VouchedTarget

CHUNK_BYTES: Final = 65_536
_CONFIG: Final = UpdaterConfig(root_max_length=512_000, snapshot_max_length=2_000_000, targets_max_length=5_000_000)
_ERROR_STATUS: Final = 400
_TargetT = TypeVar("_TargetT", DirectorKeys, Policy)


class Repository:
    """One refreshed view of the repository; a new one is made for each assignment.

    Args:
        tuf_dir: Where the verified metadata are kept.
        root: The pinned root metadata, from enrolment.
        url: The repository's address.
        pool: Connections that trust the fleet's CA.

    Raises:
        RefusalError: The metadata are expired, not trusted, or cannot be fetched.
        OSError: The disk is full.
    """

    def __init__(self, tuf_dir: Path, root: bytes, url: str, pool: urllib3.PoolManager) -> None:
        self._url = url.rstrip("/")
        tuf_dir.mkdir(exist_ok=True)
        self._targets_dir = tuf_dir / "targets"
        self._targets_dir.mkdir(exist_ok=True)
        try:
            self._updater = Updater(
                str(tuf_dir),
                f"{self._url}/metadata/",
                str(self._targets_dir),
                f"{self._url}/targets/",
                _PoolFetcher(pool),
                _CONFIG,
                bootstrap=root,
            )
            self._updater.refresh()
        except (RepositoryError, DownloadError) as error:
            raise _refusal(error) from error

    def director_keys(self) -> DirectorKeys:
        """Return the keys that may sign assignments.

        Raises:
            RefusalError: The target is missing, malformed or cannot be fetched.
        """
        return self._policy_target(DIRECTOR_KEYS_PATH, DirectorKeys)

    def policy(self) -> Policy:
        """Return what no device may install.

        Raises:
            RefusalError: The target is missing, malformed or cannot be fetched.
        """
        return self._policy_target(POLICY_PATH, Policy)

    def find(self, target_path: str) -> VouchedTarget | None:
        """Return what the metadata say of a target, or None when no role vouches for it.

        Raises:
            RefusalError: A delegated role's metadata are expired, not trusted, or cannot be fetched.
        """
        info = self._info(target_path)
        if info is None or "sha256" not in info.hashes:
            return None
        custom = info.unrecognized_fields.get("custom")
        return VouchedTarget(info.hashes["sha256"], info.length, custom if isinstance(custom, dict) else {})

    def address(self, target_path: str, sha256: str) -> str:
        """Return where a target is: its name is prefixed with its digest (TUF 1.0.34, section 6.2)."""
        folder, _, name = target_path.rpartition("/")
        return f"{self._url}/targets/{folder}/{sha256}.{name}"

    def _policy_target(self, path: str, target_type: type[_TargetT]) -> _TargetT:
        info = self._info(path)
        if info is None or info.length > MAX_POLICY_BYTES:
            raise RefusalError("metadata_untrusted", f"the repository has no {path}")
        try:
            file = self._updater.find_cached_target(info) or self._updater.download_target(info)
        except (RepositoryError, DownloadError) as error:
            raise _refusal(error) from error
        return decode_policy_target(Path(file).read_bytes(), target_type)

    def _info(self, path: str) -> TargetFile | None:
        try:
            return self._updater.get_targetinfo(path)
        except (RepositoryError, DownloadError) as error:
            raise _refusal(error) from error


class _PoolFetcher(FetcherInterface):
    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            response = self._pool.request("GET", url, preload_content=False)
        except HTTPError as error:
            raise DownloadError(f"{_name(url)}: {error}") from error
        if response.status >= _ERROR_STATUS:
            response.close()
            raise DownloadHTTPError(f"{_name(url)}: the server answered {response.status}", response.status)
        return self._chunks(response)

    @staticmethod
    def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from response.stream(CHUNK_BYTES)
        except HTTPError as error:
            raise DownloadError(str(error)) from error
        finally:
            response.release_conn()


def _name(url: str) -> str:
    """Return the file's name: the whole address is a short-lived right to read, and a Status is not."""
    return url.rpartition("/")[2]


def _refusal(error: Exception) -> RefusalError:
    if isinstance(error, DownloadError):
        return RefusalError("server_unreachable", str(error), is_final=False)
    if isinstance(error, ExpiredMetadataError):
        return RefusalError("metadata_expired", str(error))
    return RefusalError("metadata_untrusted", " ".join(str(error).split())[:400])
