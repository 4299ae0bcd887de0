"""The C files alone, as a microcontroller has them: strict C99, and never a byte outside the plan."""

import subprocess
from pathlib import Path

import pytest

from tests.device_contract.plan.plans import PLANS

ROOT = Path(__file__).resolve().parents[3]
KERNELS = ROOT / "device_contract" / "plan"
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", f"-I{KERNELS}"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("sanitized") / "mutations"
    sources = [Path(__file__).parent / "mutations.c", KERNELS / "kernels.c", KERNELS / "check.c"]
    sanitizers = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["cc", *STRICT, *sanitizers, *sources, "-lm", "-o", program], check=True)
    return program


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_no_mutation_makes_the_kernels_read_outside_the_plan(program: Path, name: str) -> None:
    run = subprocess.run([program, str(1 + len(name))], input=PLANS[name], capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    assert int(run.stdout) > 0, "every mutation was refused: the kernels were never tried"


@pytest.mark.slow
@pytest.mark.parametrize("source", ["kernels.c", "check.c"])
def test_needs_nothing_but_the_mathematics_library(source: str, tmp_path: Path) -> None:
    target = tmp_path / "kernels.o"
    subprocess.run(["cc", *STRICT, "-Os", "-ffreestanding", "-c", KERNELS / source, "-o", target], check=True)
    symbols = subprocess.run(["nm", "-u", target], capture_output=True, text=True, check=True).stdout.split()
    assert set(symbols) - {"U"} <= {"exp", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}
