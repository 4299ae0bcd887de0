"""What has to hold of the repository itself."""

import re
import subprocess
import tomllib
from pathlib import Path

from edge_agent.reporting import AGENT_VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_pins_names_versions_and_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    requirements = re.split(r"\n(?=\S)", lock.strip())
    assert len(requirements) > 50
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "://" not in lock


def test_no_tracked_file_is_large() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, tracked.split(b"\0")):
        path = ROOT / name.decode()
        assert path.stat().st_size <= 8 << 20, path


def test_the_agent_says_the_version_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == AGENT_VERSION
