"""Rubbish is answered with PlanError, or scores: it never reads past the plan and never hangs.

The mutations run in a process of their own, so that a crash is a failed test and not a
vanished one.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import PlanError
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS

PROGRAM = """
import random, sys
from device_contract.errors import PlanError
from device_contract.plan.scorer import PlanScorer
original, seed = bytes.fromhex(sys.stdin.read()), int(sys.argv[1])
chance, sound = random.Random(seed), 0
for _ in range(20_000):
    data = bytearray(original)
    for _ in range(chance.choice((1, 1, 2, 4))):
        width = chance.choice((1, 2, 4))
        start = chance.randrange(len(data) // width) * width
        value = chance.choice((0, 1, 2**(8 * width) - 1, 2**(8 * width - 1), chance.randrange(2**(8 * width))))
        data[start:start + width] = value.to_bytes(width, "little")
    if chance.random() < 0.05:
        del data[chance.randrange(len(data)):]
    try:
        scorer = PlanScorer(bytes(data))
    except PlanError:
        continue
    sound += 1
    for value in (0.0, 1e30, -1e30, float("nan")):
        scorer.score([value] * scorer.n_features)
print(sound)
"""


@pytest.mark.parametrize("name", PLANS)
def test_survives_mutations(name: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(sum(name.encode()))]
    root = Path(__file__).resolve().parents[3]
    run = subprocess.run(
        command, input=PLANS[name].hex(), capture_output=True, text=True, cwd=root, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 0, "every mutation was refused: the kernels were never tried"


@given(name=st.sampled_from(sorted(PLANS)), data=st.data())
def test_every_truncation_is_refused(name: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(PLANS[name]) - 1))
    with pytest.raises(PlanError):
        PlanScorer(PLANS[name][:size])


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(PlanError):
        PlanScorer(noise)
