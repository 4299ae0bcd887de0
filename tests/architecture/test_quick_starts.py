"""The quick starts of the guides, run as they are written, one after the other in one shell."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "README.md"
TIMEOUT_S = 240
AS_IF_TYPED = """
set -e -o pipefail
trap 'kill $(jobs -p) || true; wait' EXIT
"""


def quick_start(page: Path) -> str:
    """Return the section of this name."""
    section = re.search(r"^## Quick start\n(.*?)^## ", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert section, f"{page.name} has no quick start"
    return section[1]


def guides() -> list[Path]:
    """Return the guides in the order in which the index tells to follow them."""
    return [INDEX.parent / link for link in re.findall(r"\]\((guides/[\w-]+\.md)\)", quick_start(INDEX))]


def commands(page: Path) -> str:
    """Return the commands of a quick start as a shell script."""
    blocks = re.findall(r"^```(console|python)\n(.*?)^```", quick_start(page), re.DOTALL | re.MULTILINE)
    scripts = [_typed(text) if kind == "console" else f"python - <<'END'\n{text}END\n" for kind, text in blocks]
    return "".join(scripts)


def _typed(console: str) -> str:
    """Leave out the prompts and what the commands answer."""
    return "".join(re.findall(r"^\$ ((?:.*\\\n)*.*\n)", console, re.MULTILINE))


def test_every_guide_has_its_place_in_the_index() -> None:
    assert sorted(guides()) == sorted((ROOT / "docs" / "guides").glob("*.md"))


@pytest.mark.slow
def test_the_quick_starts_work_as_written(tmp_path: Path) -> None:
    script = AS_IF_TYPED + "".join(commands(page) for page in [INDEX, *guides()])
    for port in ("8443", "8883"):
        assert port in script
        script = script.replace(port, str(free_port()))
    shell = subprocess.run(
        ["timeout", str(TIMEOUT_S), "bash", "-c", script],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": os.defpath, "LANG": "C.UTF-8"},
        check=False,
        capture_output=True,
        text=True,
    )
    said = shell.stdout
    assert shell.returncode == 0, f"{said}\n{shell.stderr}"
    assert "first is finished" in said
    assert re.search(r"^05 February -2\.8", said, re.MULTILINE)
