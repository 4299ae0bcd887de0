"""Every fuzz target over its corpus, and some seconds beyond; ``make fuzz`` goes on for longer."""

from pathlib import Path

import pytest

from tests.fuzz.campaign import fuzz
from tests.fuzz.seeds import TARGETS

SECONDS = 1


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_breaks_a_reader(target: str, tmp_path: Path) -> None:
    run = fuzz(target, SECONDS, tmp_path)
    assert run.returncode == 0, run.stderr[-4000:]
    assert "INITED" in run.stderr, "the corpus was not read"
