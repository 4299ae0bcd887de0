"""The agent's wheels for other processors: built here, installed into Debian for those, and run by QEMU."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from compiler import compile_model
from compiler.frames import FrameFeatures, windows
from cross_build.targets import GLIBC, TARGETS, Target
from cross_build.wheels import build_agent, build_dependencies, copy_sources
from tests.cross_build import foreign
from tests.cross_build.score_bundles import lines

ROOT = Path(__file__).resolve().parents[2]
SCORE_BUNDLES = Path(__file__).with_name("score_bundles.py")
GOLDEN = ROOT / "tests" / "golden" / "bundle"
GOLDEN_BUNDLES = [str(GOLDEN / f"{name}.bundle") for name in ("boosted", "forest", "logistic")]
GOLDEN_SCORES = (GOLDEN / "scores.txt").read_text()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Paths of boosted trees that take missing values, of a small network, of models that explain, and of frames."""
    folder = tmp_path_factory.mktemp("bundles")
    rows = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    with threadpool_limits(1):
        boosted = HistGradientBoostingRegressor(max_iter=10, early_stopping=False).fit(rows, rows[:, 0] * rows[:, 3])
    network = MLPClassifier((8,), tol=0.1, random_state=0).fit(rows, rows[:, 0] > rows[:, 1])
    compiled = [
        compile_model(model, rows, name=name, version="1", kind="plan")
        for name, model in {"boosted": boosted, "network": network}.items()
    ]
    forest = RandomForestClassifier(30, max_depth=6, random_state=0).fit(rows, np.digitize(rows[:, 0], (-0.5, 0.5)))
    linear = make_pipeline(StandardScaler(), Ridge()).fit(rows, rows[:, 0])
    wide = np.tile(rows, (1, 20))
    entries = RandomForestClassifier(30, max_depth=6, random_state=0).fit(wide, rows[:, 0] > rows[:, 1])
    compiled += [
        compile_model(model, given, name=name, version="1", kind="plan", explain=True)
        for name, model, given in (("forest", forest, rows), ("linear", linear, rows), ("entries", entries, wide))
    ]
    features = FrameFeatures("abcd", sample_rate_hz=50, length=30, hop=12, bands=[(0, 10), (10, 25)])
    frames = windows(rows, 30, 12)
    framed = make_pipeline(features, StandardScaler(), Ridge()).fit(frames, frames[:, 0])
    compiled.append(compile_model(framed, rows, name="framed", version="1", kind="plan"))
    return [str(bundle.write(folder)) for bundle in compiled]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources") / "tree"
    copy_sources(folder)
    return folder


@pytest.fixture(scope="module")
def agents(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Target], Path]:
    """Build the agent's wheel of a processor once; returns its path."""
    folder = tmp_path_factory.mktemp("agents")

    @cache
    def agent(target: Target) -> Path:
        build_agent(target, sources, folder / target.name)
        (wheel,) = (folder / target.name).iterdir()
        return wheel

    return agent


def here(site: Path, *bundles: str) -> str:
    """Score with this machine's Python and the packages of a folder."""
    command = [sys.executable, str(SCORE_BUNDLES), *bundles]
    environment = {"PYTHONPATH": str(site)}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def unzipped(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def newest_glibc(library: Path) -> tuple[int, ...]:
    said = subprocess.run(["readelf", "-V", library], check=True, capture_output=True, text=True).stdout
    versions = [tuple(int(part) for part in found.split(".")) for found in re.findall(r"GLIBC_([0-9.]+)", said)]
    return max(versions, default=(0,))


def test_the_golden_bundles_have_their_golden_scores() -> None:
    assert "".join(line for bundle in GOLDEN_BUNDLES for line in lines(Path(bundle))) == GOLDEN_SCORES


@pytest.mark.slow
@pytest.mark.parametrize("target", [TARGETS["aarch64"], TARGETS["armv7"]], ids=lambda target: target.name)
def test_another_processor_gives_the_same_bits(
    target: Target, agents: Callable[[Target], Path], bundles: list[str], tmp_path: Path
) -> None:
    shutil.copy(agents(target), tmp_path)
    build_dependencies(target, tmp_path, tmp_path)
    site = tmp_path / "site"
    foreign.install(target, site, tmp_path)
    for wheel in tmp_path.glob("*.whl"):
        for library in unzipped(wheel, tmp_path / wheel.stem).rglob("*.so"):
            assert newest_glibc(library) <= GLIBC, library
    scored = foreign.python(target, site, str(SCORE_BUNDLES), *GOLDEN_BUNDLES, *bundles)
    assert scored == GOLDEN_SCORES + here(ROOT, *bundles)
    agent = ("-c", "from edge_agent.cli import main; main()", "score", "--bundle", GOLDEN_BUNDLES[1])
    said = foreign.python(target, site, *agent, given="[1, 2, 3, null]\n")
    assert json.loads(said)["label"] in {"low", "high", "over"}
    whole = "import platform, edge_agent.runtime, edge_agent.preparation.repository; print(platform.machine())"
    assert foreign.python(target, site, "-c", whole).strip() == target.machine


@pytest.mark.slow
def test_this_processor_gives_the_same_bits_with_the_wheel_s_compiler(
    agents: Callable[[Target], Path], bundles: list[str], tmp_path: Path
) -> None:
    site = unzipped(agents(TARGETS["x86_64"]), tmp_path / "site")
    sources = [source for house in ("detectors", "device_contract") for source in (ROOT / house).rglob("*.pyx")]
    made = {f"{source.stem}.c" for source in sources}
    assert made > {"framer.c", "scorer.c", "summarizer.c"}
    assert not [found for name in made for found in site.rglob(name)]
    assert here(site, *bundles) == here(ROOT, *bundles)


@pytest.mark.slow
def test_a_wheel_is_the_same_from_any_folder(agents: Callable[[Target], Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "tree"
    copy_sources(elsewhere)
    build_agent(TARGETS["armv7"], elsewhere, tmp_path / "other")
    (other,) = (tmp_path / "other").iterdir()
    one = agents(TARGETS["armv7"])
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_an_unknown_processor_is_one_clear_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cross_build", "sparc"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].endswith("no processor 'sparc'; there are: x86_64, aarch64, armv7")
