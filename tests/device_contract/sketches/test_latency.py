"""The latency histogram: its buckets, its laws, its quantiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import SketchError
from device_contract.sketches import LatencyHistogram, RowSummarizer
from device_contract.sketches.latency import BUCKETS, bucket_end_ns, bucket_of, merge_latencies
from tests.device_contract.sketches.strategies import BASELINE

latencies = st.lists(st.integers(0, 2**41), max_size=50)


def histogram(observed: list[int]) -> LatencyHistogram:
    summarizer = RowSummarizer(BASELINE)
    for latency_ns in observed:
        summarizer.observe_latency_ns(latency_ns)
    return summarizer.take().latency


@given(st.integers(1, 2**40 - 1))
def test_a_latency_is_below_the_end_of_its_bucket_and_not_below_its_start(latency_ns: int) -> None:
    bucket = bucket_of(latency_ns)
    assert latency_ns < bucket_end_ns(bucket)
    assert bucket_end_ns(bucket) <= latency_ns * 1.125 + 1


def test_buckets_rise_with_the_latency_and_fill_the_layout() -> None:
    buckets = [bucket_of(latency_ns) for latency_ns in range(1, 5000)]
    assert buckets == sorted(buckets)
    assert (bucket_of(-5), bucket_of(0), bucket_of(1)) == (0, 0, 0)
    assert bucket_of(2**40) == bucket_of(2**80) == BUCKETS - 1


@given(latencies, latencies, latencies)
def test_merging_is_exact_in_any_order_and_grouping(a: list[int], b: list[int], c: list[int]) -> None:
    one_pass = histogram(a + b + c)
    x, y, z = histogram(a), histogram(b), histogram(c)
    assert merge_latencies(merge_latencies(x, y), z) == one_pass
    assert merge_latencies(z, merge_latencies(y, x)) == one_pass
    assert merge_latencies(one_pass, LatencyHistogram()) == one_pass


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_a_quantile_is_at_most_an_eighth_too_high(fraction: float) -> None:
    observed = np.random.default_rng(2).lognormal(8.0, 1.0, 5000).astype(int)
    exact = np.quantile(observed, fraction, method="inverted_cdf")
    assert exact <= histogram(observed.tolist()).quantile_ns(fraction) <= 1.125 * exact + 1


def test_no_latency_has_no_quantile() -> None:
    assert LatencyHistogram().quantile_ns(0.5) == 0.0


def test_a_histogram_of_another_layout_does_not_merge() -> None:
    with pytest.raises(SketchError, match="320 buckets"):
        merge_latencies(LatencyHistogram(), LatencyHistogram(counts=(1,)))
