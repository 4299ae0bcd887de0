"""A histogram of latencies in logarithmic buckets.

Each power of two of nanoseconds is split into eight equal buckets, so a bucket is at most
12.5 % wide, from 1 ns to 18 minutes, in 320 counters. The layout is fixed: histograms of
all devices and versions merge by addition.

Source: the bucket layout is that of HdrHistogram (http://hdrhistogram.org), with eight
sub-buckets.
"""

import msgspec

from device_contract.errors import SketchError

OCTAVES = 40
BUCKETS = OCTAVES * 8


class LatencyHistogram(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of latencies by bucket, and their exact sum and maximum in nanoseconds."""

    counts: tuple[int, ...] = (0,) * BUCKETS
    sum_ns: int = 0
    maximum_ns: int = 0

    @property
    def observations(self) -> int:
        """The number of latencies."""
        return sum(self.counts)

    def quantile_ns(self, fraction: float) -> float:
        """Return a bound that the given fraction of the latencies does not exceed, at most 12.5 % too high.

        Args:
            fraction: From 0 to 1.

        Returns:
            Nanoseconds; 0 when nothing was observed.
        """
        needed = fraction * self.observations
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= needed:
                return min(bucket_end_ns(bucket), float(self.maximum_ns))
        return 0.0


def bucket_of(latency_ns: int) -> int:
    """Return the bucket of a latency; what lies outside 1 ns to 2**40 ns goes to the nearest bucket."""
    clamped = min(max(latency_ns, 1), (1 << OCTAVES) - 1)
    octave = clamped.bit_length() - 1
    return octave * 8 + ((clamped << 3 >> octave) & 7)


def bucket_end_ns(bucket: int) -> float:
    """Return the end of a bucket, in nanoseconds, exclusive."""
    octave, eighth = divmod(bucket, 8)
    return float(1 << octave) * (9 + eighth) / 8


def merge_latencies(a: LatencyHistogram, b: LatencyHistogram) -> LatencyHistogram:
    """Return the histogram of both; exactly commutative and associative, with the empty one as identity.

    Raises:
        SketchError: A histogram does not have ``BUCKETS`` counts.
    """
    if not len(a.counts) == len(b.counts) == BUCKETS:
        raise SketchError(f"a latency histogram has {BUCKETS} buckets")
    return LatencyHistogram(
        counts=tuple(map(int.__add__, a.counts, b.counts)),
        sum_ns=a.sum_ns + b.sum_ns,
        maximum_ns=max(a.maximum_ns, b.maximum_ns),
    )
