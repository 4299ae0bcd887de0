"""A trained model with its data, kept between runs in ``build/benchmarks`` (not in git)."""

import hashlib
import pickle
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import conversion, convolution, data, models
from benchmarks.conversion import to_onnx
from benchmarks.data import Data
from benchmarks.models import WORKLOADS, Workload

BUILD = Path(__file__).resolve().parent.parent / "build" / "benchmarks"
_SOURCES = (conversion.__file__, convolution.__file__, data.__file__, models.__file__)
_PACKAGES = ("numpy", "scikit-learn", "lightgbm", "xgboost", "skl2onnx", "onnxmltools")


@dataclass(frozen=True)
class Trained:
    """What every contender is given.

    Attributes:
        workload: What it is.
        estimator: The fitted estimator; of G its weights.
        onnx: The same as ONNX.
        data: Training rows and rows to score.
        folder: Where contenders keep what they build for this very model.
    """

    workload: Workload
    estimator: Any
    onnx: bytes
    data: Data
    folder: Path

    @property
    def letter(self) -> str:
        """The workload's letter."""
        return self.workload.letter

    @cached_property
    def n_features(self) -> int:
        """Numbers in a row."""
        return int(self.data.sample[0].size)


def trained(letter: str, scored: int = data.SCORED) -> Trained:
    """Train a model, or take it as it was trained before."""
    workload = WORKLOADS[letter]
    given = workload.data(scored=scored)
    kept = BUILD / f"{letter}-{_origin()}.pickle"
    if not kept.exists():
        estimator = workload.train(given)
        BUILD.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps((estimator, to_onnx(letter, estimator, given.sample.shape[1]))))
    estimator, onnx = pickle.loads(kept.read_bytes())  # noqa: S301  (our own file)
    folder = BUILD / f"{letter}-{_digest(onnx)}"
    folder.mkdir(exist_ok=True)
    return Trained(workload, estimator, onnx, given, folder)


def _origin() -> str:
    """Tell apart what was trained by other code or other libraries."""
    texts = [Path(source).read_text() for source in _SOURCES if source]
    texts += [f"{name} {version(name)}" for name in _PACKAGES]
    return _digest("\n".join(texts).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
