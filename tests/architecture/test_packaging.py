"""The extensions in wheels, and on a machine that cannot build them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cross_build.wheels import copy_sources


@pytest.fixture
def source_tree(tmp_path: Path) -> Path:
    """A copy of the sources without anything that was built."""
    tree = tmp_path / "tree"
    copy_sources(tree)
    return tree


@pytest.mark.slow
def test_a_wheel_carries_the_extensions_and_the_profiles(source_tree: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*build, str(source_tree)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("leeway_fleet-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert (site / "fleet_server" / "migrations" / "versions" / "0001_first.py").is_file()
    assert (site / "fleet_server" / "alerts" / "default_rules.toml").is_file()
    assert (site / "fleet_server" / "summaries" / "summary.html").is_file()
    program = (
        "from device_contract.frames import Framer\n"
        "from device_contract.plan.scorer import PlanScorer\n"
        "from device_contract.sketches import RowSummarizer\n"
        "from device_contract.profile import find_profile\n"
        "from detectors.tails import log_tails\n"
        "print(Framer.__name__, PlanScorer.__name__, RowSummarizer.__name__, find_profile('cortex-m4').name)\n"
        "print(log_tails.__name__)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == ["Framer", "PlanScorer", "RowSummarizer", "cortex-m4", "log_tails"]


@pytest.mark.slow
def test_a_missing_compiler_is_one_clear_error(source_tree: Path) -> None:
    run = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=source_tree,
        env={**os.environ, "CC": "/no/such/compiler"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "leeway-fleet: a C compiler and the Python headers are needed" in run.stderr
    assert "Traceback" not in run.stderr
