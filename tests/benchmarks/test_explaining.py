import pytest

from benchmarks.explaining import Costs, measure, missed


def test_holds_a_row_and_a_batch_to_the_limit() -> None:
    costs = [Costs("A", 1.0, 0.5, 1.5), Costs("B", 1.0, 1.0, 1.0)]
    assert missed(costs) == ["A: batches"]
    assert costs[0].line().endswith("| 1 | 0.5 | 1.5 | 1.50 | met | 3.00 | **missed** |")


@pytest.mark.slow
def test_measures_a_model() -> None:
    costs = measure("A")
    assert min(costs.score_us, costs.batch_us, costs.explain_us) > 0
