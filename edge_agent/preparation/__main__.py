"""The child process: ``python -m edge_agent.preparation`` (see the package)."""

import logging
import os
import sys
import threading
import time
from pathlib import Path

import msgspec

from device_contract.assignment import AssignedSlot
from device_contract.bundle import open_file
from device_contract.canonical import sha256_hex
from device_contract.errors import ContractError
from device_contract.profile import find_profile
from edge_agent.download import Download, fetch_file, secure_pool
from edge_agent.errors import ModelError, RefusalError
from edge_agent.preparation.messages import Job, Ready, Refused
from edge_agent.preparation.repository import Repository
from edge_agent.selftest import run_self_test
from edge_agent.slots import BundleStore
from edge_agent.storage import sync_folder
from edge_agent.trust import Device, check_bundle, check_clock, check_target, verify_assignment


def main() -> int:
    """Read the job, prepare it, and answer."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_end_with_the_agent, daemon=True).start()
    sys.stdout.buffer.write(msgspec.json.encode(prepare(job, int(time.time() * 1000))))
    sys.stdout.buffer.flush()
    return 0


def prepare(job: Job, now_ms: int) -> Ready | Refused:
    """Carry out a job.

    Args:
        job: What to prepare.
        now_ms: Unix milliseconds.
    """
    try:
        return _Preparation(job, now_ms).run()
    except RefusalError as error:
        return Refused(reason_code=error.reason_code, detail=str(error), is_final=error.is_final)
    except ModelError as error:
        return Refused(reason_code="runtime_missing", detail=str(error), is_final=True)
    except ContractError as error:
        return Refused(reason_code="bundle_malformed", detail=str(error), is_final=True)
    except OSError as error:
        return Refused(reason_code="disk_error", detail=f"{error.filename}: {error.strerror}", is_final=False)


class _Preparation:
    def __init__(self, job: Job, now_ms: int) -> None:
        self._job = job
        self._now_ms = now_ms
        self._state_dir = Path(job.state_dir)
        profile = find_profile(job.profile)
        self._device = Device(job.device_id, profile, job.accepted_sequence, job.time_floor_ms)
        self._store = BundleStore(self._state_dir / "bundles")
        self._pool = secure_pool(self._state_dir / "ca.crt")

    def run(self) -> Ready:
        check_clock(self._device, self._now_ms)
        root = (self._state_dir / "root.json").read_bytes()
        repository = Repository(self._state_dir / "tuf", root, self._job.repository_url, self._pool)
        keys = repository.director_keys().public_keys()
        assignment = verify_assignment(self._job.envelope, keys, self._device, self._now_ms)
        policy = repository.policy()
        for slot in assignment.slots:
            check_target(slot, repository.find(slot.target_path), policy)
        for slot in assignment.slots:
            self._obtain(slot, repository)
        return Ready(assignment=assignment)

    def _obtain(self, slot: AssignedSlot, repository: Repository) -> None:
        """Have a slot's bundle on the disk, verified and tested."""
        path = self._store.path(slot.sha256)
        if not path.exists():
            self._download(slot, repository)
        check_bundle(slot, open_file(path).manifest, self._device.profile)
        result = run_self_test(path)
        if result.wrong_rows:
            detail = f"{result.wrong_rows} of {result.rows} rows, largest error {result.worst_error:.3g}"
            raise RefusalError("self_test_failed", f"{slot.target_path}: {detail}")

    def _download(self, slot: AssignedSlot, repository: Repository) -> None:
        partial_path = self._store.partial_path(slot.sha256)
        rate = self._device.profile.max_download_bytes_per_s
        url = repository.address(slot.target_path, slot.sha256)
        fetch_file(self._pool, Download(url, partial_path, slot.length_bytes, rate))
        if sha256_hex(partial_path.read_bytes()) != slot.sha256:
            partial_path.unlink()
            raise RefusalError("target_mismatch", f"{slot.target_path} came with another digest", is_final=False)
        _make_final(partial_path, self._store.path(slot.sha256))


def _make_final(partial_path: Path, path: Path) -> None:
    """Give a verified file its name, once its bytes are on the disk."""
    with partial_path.open("rb+") as file:
        os.fsync(file.fileno())
    partial_path.rename(path)
    sync_folder(path.parent)


def _end_with_the_agent() -> None:
    """End when the agent has: the pipe from it closes, even if it was killed."""
    while os.read(0, 1):
        continue
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
