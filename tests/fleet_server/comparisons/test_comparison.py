"""Merging and comparing, against the rows themselves."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from device_contract.baseline import Baseline, StreamBaseline
from device_contract.sketches import RowSummarizer
from fleet_server.comparisons.comparison import StreamComparison, compare, quantiles_of
from fleet_server.comparisons.merging import Merger
from tests.support.bundles import make_stream

Rows = NDArray[np.float64]
EDGES = {"fine": tuple(np.linspace(-4.0, 4.0, 33).tolist()), "coarse": tuple(np.linspace(-4.0, 4.0, 17).tolist())}
POWER = make_stream("power", "output")


def stream(edges: tuple[float, ...], *, pivot: float = 0.0, kind: str = "number") -> StreamBaseline:
    counts = (0, *([1] * (len(edges) - 1)), 0)
    return make_stream("wind", edges=edges, counts=counts, rows=len(edges) - 1, mean=pivot, kind=kind)


def merged(*windows: Rows, reference: StreamBaseline) -> Merger:
    merger, baseline = Merger(), Baseline(streams=(reference, POWER))
    for rows in windows:
        summarizer = RowSummarizer(baseline)
        for value in rows:
            summarizer.update(np.array([value], np.float32), np.array([0.5]))
        merger.add(baseline, summarizer.take().streams, len(rows))
    return merger


def wind(a: Merger, b: Merger) -> StreamComparison:
    return next(found for found in compare(a.parts, b.parts) if found.key[1] == "wind")


@pytest.fixture
def rows() -> tuple[Rows, Rows]:
    generator = np.random.default_rng(7)
    drawn = generator.normal(0.0, 1.0, 3_000), generator.normal(0.5, 1.5, 2_000)
    return drawn[0].astype(np.float32).astype(np.float64), drawn[1].astype(np.float32).astype(np.float64)


def test_windows_of_one_side_are_one_set_of_rows(rows: tuple[Rows, Rows]) -> None:
    a = merged(*np.array_split(rows[0], 7), reference=stream(EDGES["fine"]))
    assert (a.windows, a.rows) == (7, 3_000)
    found = wind(a, merged(rows[1], reference=stream(EDGES["fine"])))
    assert found.a is not None
    assert found.a.finite == 3_000
    assert found.a.mean == pytest.approx(rows[0].mean())
    assert found.a.standard_deviation == pytest.approx(rows[0].std())
    assert (found.a.minimum, found.a.maximum) == (rows[0].min(), rows[0].max())
    assert quantiles_of(found.a) == pytest.approx(np.quantile(rows[0], [0.05, 0.25, 0.5, 0.75, 0.95]), abs=0.05)


def test_differences_are_in_standard_deviations_of_the_first_side(rows: tuple[Rows, Rows]) -> None:
    sides = [merged(side, reference=stream(EDGES["fine"])) for side in rows]
    difference = wind(*sides).difference
    assert difference is not None
    assert difference.mean_shift == pytest.approx(rows[1].mean() - rows[0].mean())
    assert difference.mean_shift_sd == pytest.approx((rows[1].mean() - rows[0].mean()) / rows[0].std())
    assert difference.sd_ratio == pytest.approx(rows[1].std() / rows[0].std())
    assert difference.population_stability_index is not None
    assert difference.stability_index_of_equals is not None
    assert difference.population_stability_index > 10 * difference.stability_index_of_equals


def test_versions_with_other_bins_are_compared_between_the_edges_that_they_share(rows: tuple[Rows, Rows]) -> None:
    fine, coarse = stream(EDGES["fine"]), stream(EDGES["coarse"], pivot=0.25)
    found = wind(merged(rows[0], reference=fine), merged(rows[1], reference=coarse)).difference
    same = wind(merged(rows[0], reference=coarse), merged(rows[1], reference=coarse)).difference
    assert found is not None
    assert same is not None
    assert found.bins == same.bins == len(EDGES["coarse"]) + 1
    assert found.jensen_shannon_distance == same.jensen_shannon_distance
    assert found.mean_shift == pytest.approx(same.mean_shift)
    assert found.wasserstein_distance == pytest.approx(same.wasserstein_distance, rel=0.05)


def test_a_side_of_two_versions_has_the_bins_that_they_share(rows: tuple[Rows, Rows]) -> None:
    fine, coarse = stream(EDGES["fine"]), stream(EDGES["coarse"], pivot=0.25)
    mixed, other = merged(rows[0][:1_000], reference=fine), merged(rows[0][1_000:], reference=coarse)
    key = ("feature", "wind", "number")
    (found,) = compare(
        {key: [*mixed.parts[key], *other.parts[key]]}, {key: merged(rows[0], reference=coarse).parts[key]}
    )
    assert found.a is not None
    assert found.b is not None
    assert found.a.edges.tolist() == list(EDGES["coarse"])
    assert found.a.counts.tolist() == found.b.counts.tolist()
    assert found.a.standard_deviation == pytest.approx(found.b.standard_deviation)


def test_without_a_common_edge_what_needs_bins_is_not_defined(rows: tuple[Rows, Rows]) -> None:
    edges = tuple(np.linspace(-4.03, 4.04, 24).astype(np.float32).tolist())
    found = wind(merged(rows[0], reference=stream(EDGES["fine"])), merged(rows[1], reference=stream(edges))).difference
    assert found is not None
    assert (found.bins, found.population_stability_index, found.kolmogorov_smirnov_distance) == (0, None, None)
    assert found.mean_shift == pytest.approx(rows[1].mean() - rows[0].mean())
    assert found.wasserstein_distance == pytest.approx(stats.wasserstein_distance(*rows), rel=0.1)


def test_a_side_without_values_and_a_stream_of_one_side_are_told_as_such() -> None:
    reference = stream(EDGES["coarse"])
    empty = merged(np.full(4, np.nan), reference=reference)
    found = wind(merged(np.zeros(4), reference=reference), empty)
    assert found.difference is not None
    assert (found.difference.missing_share_shift, found.difference.mean_shift) == (1.0, None)
    assert found.difference.jensen_shannon_distance is None
    assert found.b is not None
    assert quantiles_of(found.b) is None
    category = merged(np.zeros(4), reference=stream((-0.5, 0.5, 1.5), kind="category"))
    kinds = {
        compared.key[2]: compared for compared in compare(empty.parts, category.parts) if compared.key[1] == "wind"
    }
    assert (kinds["number"].b, kinds["category"].a, kinds["category"].difference) == (None, None, None)


def test_categories_have_shares_but_no_mean() -> None:
    reference = stream((-0.5, 0.5, 1.5), kind="category")
    found = wind(merged(np.array([0.0, 1.0]), reference=reference), merged(np.array([1.0, 1.0]), reference=reference))
    assert found.difference is not None
    assert (found.difference.mean_shift, found.difference.wasserstein_distance) == (None, None)
    assert found.difference.jensen_shannon_distance is not None
    assert found.difference.jensen_shannon_distance > 0.2
