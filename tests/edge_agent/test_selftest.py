import math
from pathlib import Path

import pytest

from device_contract.errors import ContractError
from edge_agent.selftest import difference, run_self_test
from tests.edge_agent.bundles import make_bundle


def test_right_scores(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(make_bundle("1.0"))
    result = run_self_test(tmp_path / "b")
    assert (result.rows, result.wrong_rows, result.worst_error) == (2, 0, 0.0)


def test_wrong_scores(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(make_bundle("1.0", gain=2.0, proved_gain=2.25))
    result = run_self_test(tmp_path / "b")
    assert (result.wrong_rows, result.worst_error) == (2, 0.75)


def test_rubbish(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"rubbish")
    with pytest.raises(ContractError):
        run_self_test(tmp_path / "b")


@pytest.mark.parametrize(
    ("score", "right", "expected"),
    [
        (1.0, 1.5, 0.5),
        (math.nan, math.nan, 0.0),
        (math.inf, math.inf, 0.0),
        (math.nan, 0.0, math.inf),
        (0.0, math.nan, math.inf),
        (math.inf, -math.inf, math.inf),
        (1.0, math.inf, math.inf),
    ],
)
def test_differences(score: float, right: float, expected: float) -> None:
    assert difference(score, right) == expected
