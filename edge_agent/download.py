"""Downloads that go on where they stopped: RFC 9110, section 14 (Range requests).

The bytes gather in a partial file that outlives the process. Nothing is trusted
here; who asked checks the digest. Never more than the expected length is written.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3
from urllib3.exceptions import HTTPError

from edge_agent.errors import RefusalError

CHUNK_BYTES: Final = 16_384
TIMEOUT: Final = urllib3.Timeout(connect=15.0, read=30.0)
ATTEMPTS_WITHOUT_PROGRESS: Final = 3
_OK, _PARTIAL = 200, 206


@dataclass(frozen=True)
class Download:
    """One file to fetch.

    Attributes:
        url: Where it is.
        partial_path: Where it grows.
        length_bytes: Its length, as TUF vouches for it.
        max_bytes_per_s: The profile's download rate.
    """

    url: str
    partial_path: Path
    length_bytes: int
    max_bytes_per_s: float


def secure_pool(ca_file: Path) -> urllib3.PoolManager:
    """Return connections that trust the fleet's CA and nothing else."""
    return urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(ca_file), timeout=TIMEOUT, retries=False)


def fetch_file(pool: urllib3.PoolManager, download: Download) -> None:
    """Complete the partial file, going on after broken connections as long as bytes come.

    Args:
        pool: Connections.
        download: What to fetch.

    Raises:
        RefusalError: The server cannot be reached or answers with an error; not final.
        OSError: The disk is full.
    """
    fruitless = 0
    while (held := _size(download.partial_path)) < download.length_bytes:
        problem = _continue(pool, download, held)
        fruitless = fruitless + 1 if _size(download.partial_path) <= held else 0
        if fruitless >= ATTEMPTS_WITHOUT_PROGRESS:
            name = download.url.rpartition("/")[2]  # The whole address is a short-lived right to read; a Status is not.
            raise RefusalError("server_unreachable", f"{name}: {problem}", is_final=False)


def _continue(pool: urllib3.PoolManager, download: Download, held: int) -> str:
    """Fetch what is missing; return why it ended before the end, if it did."""
    try:
        response = pool.request("GET", download.url, headers=_range(held), preload_content=False)
    except HTTPError as error:
        return str(error)
    try:
        if response.status not in {_OK, _PARTIAL}:
            return f"the server answered {response.status}"
        if response.status == _PARTIAL and not _starts_at(response, held):
            return "the server answered with another range"
        _append(response, download, held if response.status == _PARTIAL else 0)
    except HTTPError as error:
        return str(error)
    finally:
        response.close()
    return "the server ended the file too early"


def _range(held: int) -> dict[str, str]:
    return {"Range": f"bytes={held}-"} if held else {}


def _starts_at(response: urllib3.BaseHTTPResponse, held: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {held}-")


def _append(response: urllib3.BaseHTTPResponse, download: Download, start: int) -> None:
    began_s, received = time.monotonic(), 0
    with download.partial_path.open("ab") as file:
        file.truncate(start)
        for chunk in response.stream(CHUNK_BYTES):
            wanted = chunk[: download.length_bytes - start - received]
            file.write(wanted)
            received += len(wanted)
            if start + received >= download.length_bytes:
                return
            time.sleep(max(0.0, received / download.max_bytes_per_s - (time.monotonic() - began_s)))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
