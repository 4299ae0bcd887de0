import pytest

from benchmarks.explaining import Costs, measure, missed


def test_holds_a_row_and_a_batch_to_the_limit() -> None:
    costs = [Costs("A", 2000, 10_000, 1.0, 1.5, 0.5, 1.0), Costs("B", 1, 1, 1.0, 1.0, 1.0, 1.0)]
    assert missed(costs) == ["A: batches"]
    assert costs[0].line().endswith("| 0.002 | 0.01 | 1 | 1.5 | 1.50 | met | 0.5 | 1 | 2.00 | **missed** |")


@pytest.mark.slow
def test_measures_a_model() -> None:
    costs = measure("A")
    assert min(costs.score_us, costs.explain_us, costs.batch_us, costs.explain_batch_us) > 0
