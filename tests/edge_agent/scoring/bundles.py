"""Bundles with a given model, the rest of them filled in."""

from pathlib import Path

from device_contract.manifest import Label
from tests.support.bundles import make_bundle


def write_bundle(
    path: Path, models: dict[str, bytes], n_features: int, n_outputs: int, labels: tuple[Label, ...] = ()
) -> Path:
    """Pack models by kind, of features ``x0``, ``x1``, ... and outputs ``y0``, ``y1``, ..."""
    features, outputs = [f"x{index}" for index in range(n_features)], [f"y{index}" for index in range(n_outputs)]
    path.write_bytes(make_bundle("pump", "1", models, features=features, outputs=outputs, labels=labels))
    return path
