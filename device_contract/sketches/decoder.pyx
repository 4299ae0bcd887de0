# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Encoded summaries, read fast: into objects, or into flat arrays of a caller."""

from array import array as make_array

from cpython.array cimport array
from libc.stdint cimport int32_t, int64_t, uint8_t

from device_contract.errors import SketchError
from device_contract.sketches.attribution import AttributionSums
from device_contract.sketches.comoments import Comoments
from device_contract.sketches.latency import LatencyHistogram
from device_contract.sketches.metrics import read_metrics
from device_contract.sketches.projection import ProjectionSums
from device_contract.sketches.resources import Resources
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary


cdef extern from "reader.h" nogil:
    enum:
        LEEWAY_BUCKETS
        LEEWAY_STREAM_NUMBERS
        LEEWAY_WINDOW_NUMBERS
        LEEWAY_MISSING
        LEEWAY_INFINITE
        LEEWAY_OUT_OF_RANGE
        LEEWAY_REPEATS
        LEEWAY_LONGEST_RUN
        LEEWAY_LAG_PAIRS
        LEEWAY_OFFSET
        LEEWAY_VARIANCE
        LEEWAY_LAG1_CORRELATION
        LEEWAY_MINIMUM
        LEEWAY_MAXIMUM
        LEEWAY_ROWS
        LEEWAY_LATENCY_SUM_NS
        LEEWAY_LATENCY_MAXIMUM_NS
        LEEWAY_PROJECTED_ROWS
        LEEWAY_T2
        LEEWAY_T2_SQUARES
        LEEWAY_Q
        LEEWAY_Q_SQUARES
        LEEWAY_EXPLAINED_ROWS
        LEEWAY_CPU_NS
        LEEWAY_PEAK_RSS_BYTES
        LEEWAY_COMOMENT_ROWS
    enum:
        LEEWAY_SOUND
        LEEWAY_ENDS_EARLY
        LEEWAY_TOO_LONG
        LEEWAY_BAD_INTEGER
        LEEWAY_OTHER_VERSION
        LEEWAY_OTHER_STREAMS
        LEEWAY_BAD_LATENCY
        LEEWAY_BAD_SCORES
        LEEWAY_BAD_PARTS
        LEEWAY_BAD_PROJECTION
        LEEWAY_BAD_ATTRIBUTIONS
        LEEWAY_BAD_COMOMENTS
        LEEWAY_BAD_FLAGS
        LEEWAY_BAD_SUM
        LEEWAY_NEGATIVE_COUNT
        LEEWAY_BAD_MOMENTS
    ctypedef struct leeway_layout:
        int32_t n_streams, n_features, n_score_bins, n_comoments
        const int32_t *n_bins
        const double *shares
        const double *score_shares
    ctypedef struct leeway_room:
        int64_t *counts
        size_t stride
        double *stream_numbers
        double *window_numbers
        int64_t *score_counts
        double *attributions
        int64_t *latency_counts
        double *comoments
    int leeway_read_summary(
        const leeway_layout *layout, const uint8_t *data, size_t size, const leeway_room *room,
        size_t *rest, int32_t *stream
    )

MAX_SUMMARY_BYTES = 65_536

STREAM_NUMBERS = (
    "missing", "infinite", "out_of_range", "repeats", "longest_run", "lag_pairs",
    "offset", "variance", "lag1_correlation", "minimum", "maximum",
)
WINDOW_NUMBERS = (
    "rows", "latency_sum_ns", "latency_maximum_ns", "projected_rows", "t2", "t2_squares", "q", "q_squares",
    "explained_rows", "cpu_ns", "peak_rss_bytes", "comoment_rows",
)

cdef dict FAULTS = {
    LEEWAY_ENDS_EARLY: "summary ends early",
    LEEWAY_TOO_LONG: "summary has bytes too many",
    LEEWAY_BAD_INTEGER: "malformed integer",
    LEEWAY_OTHER_VERSION: "summary of another version than 2",
    LEEWAY_OTHER_STREAMS: "another number of streams than the baseline's",
    LEEWAY_BAD_LATENCY: "malformed latency histogram",
    LEEWAY_BAD_SCORES: "the counts of the score do not add up to the rows",
    LEEWAY_BAD_PARTS: "unknown parts",
    LEEWAY_BAD_PROJECTION: "impossible sums of the projection",
    LEEWAY_BAD_ATTRIBUTIONS: "impossible attributions",
    LEEWAY_BAD_COMOMENTS: "impossible co-moments",
    LEEWAY_BAD_FLAGS: "unknown flags",
    LEEWAY_BAD_SUM: "the counts do not add up to the rows",
    LEEWAY_NEGATIVE_COUNT: "a count is negative",
    LEEWAY_BAD_MOMENTS: "impossible moments",
}


cdef class SummaryReader:
    """Reads the summaries that belong to one baseline; make one and keep it.

    Args:
        baseline: What the summaries were made against.

    Attributes:
        n_streams: Streams of the baseline.
        n_bins: Bins of the stream that has the most.
        n_features: Streams that are features.
        n_comoments: Sums of values, then of products; 0 where a device makes none.
    """

    cdef leeway_layout layout
    cdef readonly Py_ssize_t n_streams, n_bins, n_features, n_comoments
    cdef Py_ssize_t n_score_bins
    cdef object baseline
    cdef tuple kept
    cdef array counts, stream_numbers, window_numbers, score_counts, attributions, latency_counts, comoments

    def __cinit__(self, baseline):
        cdef array bins, shares, score_shares
        streams, score = baseline.streams, baseline.score
        correlated = len(baseline.projection.features) if baseline.correlations else 0
        bins = make_array("i", [len(stream.counts) for stream in streams])
        shares = make_array("d", [share for stream in streams for share in shares_of(stream.counts)])
        score_shares = make_array("d", shares_of(score.counts) if score is not None else [0.0])
        self.baseline, self.kept = baseline, (bins, shares, score_shares)
        self.n_streams, self.n_bins = len(streams), max(bins)
        self.n_features = sum(stream.role == "feature" for stream in streams)
        self.n_score_bins = len(score.counts) if score is not None else 0
        self.n_comoments = correlated + correlated * (correlated + 1) // 2
        self.layout.n_streams, self.layout.n_features = self.n_streams, self.n_features
        self.layout.n_score_bins, self.layout.n_comoments = self.n_score_bins, self.n_comoments
        self.layout.n_bins, self.layout.shares = <int32_t *>bins.data.as_voidptr, shares.data.as_doubles
        self.layout.score_shares = score_shares.data.as_doubles
        self._take_room()

    cdef _take_room(self):
        self.counts = make_array("q", [0]) * (self.n_streams * self.n_bins)
        self.stream_numbers = make_array("d", [0.0]) * (self.n_streams * LEEWAY_STREAM_NUMBERS)
        self.window_numbers = make_array("d", [0.0]) * LEEWAY_WINDOW_NUMBERS
        self.score_counts = make_array("q", [0]) * max(self.n_score_bins, 1)
        self.attributions = make_array("d", [0.0]) * max(self.n_features, 1)
        self.latency_counts = make_array("q", [0]) * LEEWAY_BUCKETS
        self.comoments = make_array("d", [0.0]) * max(self.n_comoments, 1)

    def read_rows(self, summaries, counts, stream_numbers, window_numbers, attributions, comoments):
        """Read ``n`` summaries into arrays, a row each; everything in them is overwritten.

        Args:
            summaries: Encoded ones.
            counts: int64 (n, n_streams, at least n_bins), zeros behind a stream's last bin.
            stream_numbers: float64 (n, n_streams, len(STREAM_NUMBERS)); without a finite value, the
                moments are 0 and the extremes infinite.
            window_numbers: float64 (n, len(WINDOW_NUMBERS)).
            attributions: float64 (n, n_features): sums over the explained rows.
            comoments: float64 (n, n_comoments).

        Returns:
            Why each summary cannot be read, empty if it can; the row of one that cannot is 0.

        Raises:
            SketchError: An array has another size or type.
        """
        cdef Py_ssize_t n = len(summaries), row
        cdef int64_t[:, :, ::1] bins
        cdef double[:, :, ::1] streams
        cdef double[:, ::1] windows, sums, products
        cdef leeway_room room
        try:
            bins, streams, windows, sums, products = counts, stream_numbers, window_numbers, attributions, comoments
        except (TypeError, ValueError, BufferError) as error:
            raise SketchError(f"arrays of int64 and float64 are needed: {error}") from error
        if not (
            bins.shape[0] == streams.shape[0] == windows.shape[0] == sums.shape[0] == products.shape[0] == n
            and bins.shape[1] == streams.shape[1] == self.n_streams and bins.shape[2] >= self.n_bins
            and streams.shape[2] == LEEWAY_STREAM_NUMBERS and windows.shape[1] == LEEWAY_WINDOW_NUMBERS
            and sums.shape[1] == self.n_features and products.shape[1] == self.n_comoments
        ):
            raise SketchError(f"arrays with room for {n} summaries of {self.n_streams} streams are needed")
        room.stride = bins.shape[2]
        room.score_counts, room.latency_counts = <int64_t *>self.score_counts.data.as_voidptr, NULL
        faults = []
        for row in range(n):
            room.counts, room.stream_numbers = &bins[row, 0, 0], &streams[row, 0, 0]
            room.window_numbers = &windows[row, 0]
            room.attributions, room.comoments = &sums[row, 0], &products[row, 0]
            try:
                self._read(summaries[row], &room)
                faults.append("")
            except SketchError as error:
                bins[row], streams[row], windows[row], sums[row], products[row] = 0, 0.0, 0.0, 0.0, 0.0
                faults.append(str(error))
        return faults

    def read(self, data):
        """Read a summary; counts, minimum and maximum are exact, moments rounded.

        Args:
            data: An encoded summary.

        Returns:
            The summary.

        Raises:
            SketchError: The bytes are oversized, malformed, of another version, or do not belong
                to this baseline.
        """
        rest = self._read_here(data)
        numbers = self.window_numbers
        rows = int(numbers[LEEWAY_ROWS])
        return WindowSummary(
            rows=rows,
            streams=tuple([self._stream(i, stream) for i, stream in enumerate(self.baseline.streams)]),
            latency=LatencyHistogram(
                counts=tuple(self.latency_counts),
                sum_ns=int(numbers[LEEWAY_LATENCY_SUM_NS]),
                maximum_ns=int(numbers[LEEWAY_LATENCY_MAXIMUM_NS]),
            ),
            score_counts=tuple(self.score_counts)[: self.n_score_bins],
            projection=ProjectionSums(
                rows=int(numbers[LEEWAY_PROJECTED_ROWS]),
                t2=numbers[LEEWAY_T2],
                t2_squares=numbers[LEEWAY_T2_SQUARES],
                q=numbers[LEEWAY_Q],
                q_squares=numbers[LEEWAY_Q_SQUARES],
            ),
            attributions=self._attribution_sums(),
            metrics=read_metrics(data[rest:]),
            resources=Resources(
                cpu_ns=int(numbers[LEEWAY_CPU_NS]), peak_rss_bytes=int(numbers[LEEWAY_PEAK_RSS_BYTES])
            ),
            comoments=self._comoments(),
        )

    def rows(self, data):
        """Return a summary's rows, after reading all of it.

        Raises:
            SketchError: As ``read``.
        """
        read_metrics(data[self._read_here(data):])
        return int(self.window_numbers[LEEWAY_ROWS])

    cdef size_t _read_here(self, data) except? 0:
        cdef leeway_room room
        room.counts, room.stride = <int64_t *>self.counts.data.as_voidptr, self.n_bins
        room.stream_numbers = self.stream_numbers.data.as_doubles
        room.window_numbers = self.window_numbers.data.as_doubles
        room.score_counts = <int64_t *>self.score_counts.data.as_voidptr
        room.attributions = self.attributions.data.as_doubles
        room.latency_counts = <int64_t *>self.latency_counts.data.as_voidptr
        room.comoments = self.comoments.data.as_doubles
        return self._read(data, &room)

    cdef size_t _read(self, bytes data, const leeway_room *room) except? 0:
        cdef size_t rest = 0
        cdef int32_t stream = 0
        cdef int fault
        if len(data) > MAX_SUMMARY_BYTES:
            raise SketchError(f"summary has {len(data)} bytes, limit {MAX_SUMMARY_BYTES}")
        fault = leeway_read_summary(&self.layout, data, len(data), room, &rest, &stream)
        if fault != LEEWAY_SOUND:
            where = f", stream {self.baseline.streams[stream].name[:80]!r}" if fault >= LEEWAY_BAD_FLAGS else ""
            raise SketchError(f"{FAULTS[fault]}{where}")
        return rest

    cdef _stream(self, Py_ssize_t i, reference):
        cdef double *numbers = self.stream_numbers.data.as_doubles + i * LEEWAY_STREAM_NUMBERS
        cdef Py_ssize_t start = i * self.n_bins
        cdef double offset = numbers[LEEWAY_OFFSET], variance = numbers[LEEWAY_VARIANCE], finite
        counts = tuple(self.counts[start:start + self.layout.n_bins[i]])
        finite = sum(counts)
        return StreamSketch(
            pivot=reference.mean,
            counts=counts,
            missing=int(numbers[LEEWAY_MISSING]),
            infinite=int(numbers[LEEWAY_INFINITE]),
            out_of_range=int(numbers[LEEWAY_OUT_OF_RANGE]),
            sum=finite * offset,
            sum_squares=finite * (variance + offset * offset),
            lag_products=numbers[LEEWAY_LAG_PAIRS] * (numbers[LEEWAY_LAG1_CORRELATION] * variance + offset * offset),
            lag_pairs=int(numbers[LEEWAY_LAG_PAIRS]),
            repeats=int(numbers[LEEWAY_REPEATS]),
            longest_run=int(numbers[LEEWAY_LONGEST_RUN]),
            minimum=numbers[LEEWAY_MINIMUM],
            maximum=numbers[LEEWAY_MAXIMUM],
        )

    cdef _attribution_sums(self):
        rows = int(self.window_numbers[LEEWAY_EXPLAINED_ROWS])
        return AttributionSums(rows=rows, sums=tuple(self.attributions)[: self.n_features] if rows else ())

    cdef _comoments(self):
        rows = int(self.window_numbers[LEEWAY_COMOMENT_ROWS])
        if not rows:
            return None
        n = len(self.baseline.projection.features)
        return Comoments(rows=rows, sums=tuple(self.comoments[:n]), products=tuple(self.comoments[n:]))


def shares_of(counts):
    """Return the share of each count in their sum, zeros where there is nothing to share."""
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
