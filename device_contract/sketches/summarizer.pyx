# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The device's summarizer: one fused pass over a row, without an allocation."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from device_contract.errors import RowError
from device_contract.sketches.latency import BUCKETS, LatencyHistogram, bucket_of
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary

cdef enum:
    LINEAR = 16  # edges up to which counting them all beats halving


cdef struct Stream:
    # What each row reads and writes, kept together for the cache.
    double pivot
    double sum
    double sum_squares
    double lag_products
    double previous        # the row before, less the pivot; 0 if it was not finite
    int64_t lag_pairs
    int64_t missing
    int64_t infinite
    int64_t out_of_range
    int64_t has_previous   # 1 if the row before was finite
    float minimum
    float maximum
    float range_minimum
    float range_maximum
    int n_edges
    float* edges           # ascending; up to LINEAR of them are padded with infinity
    int64_t* counts


cdef inline int find_bin(const float* edges, int n_edges, float x) noexcept nogil:
    """Count the edges that do not exceed x: without a branch for the usual few, else by halves."""
    cdef int low = 0, high = n_edges, middle, i
    if n_edges <= LINEAR:
        for i in range(LINEAR):
            low += edges[i] <= x
        return low
    while low < high:
        middle = (low + high) // 2
        if edges[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline void count_value(Stream* stream, float x) noexcept nogil:
    cdef double d
    if x - x != 0.0:  # NaN - NaN and inf - inf are NaN
        stream.missing += x != x
        stream.infinite += x == x
        stream.previous = 0.0
        stream.has_previous = 0
        return
    stream.counts[find_bin(stream.edges, stream.n_edges, x)] += 1
    d = <double>x - stream.pivot
    stream.sum += d
    stream.sum_squares += d * d
    stream.lag_products += d * stream.previous
    stream.lag_pairs += stream.has_previous
    stream.previous = d
    stream.has_previous = 1
    if x < stream.minimum:
        stream.minimum = x
    if x > stream.maximum:
        stream.maximum = x
    stream.out_of_range += (x < stream.range_minimum) | (x > stream.range_maximum)


cdef class RowSummarizer:
    """Summarises rows one at a time, in one fused pass over features and outputs.

    The row before stays the neighbour of the next row across ``take``, so that two windows
    in a row merge to exactly what one longer window would have held.

    Args:
        baseline: Bins, pivots and plausible ranges of the streams.
    """

    cdef Stream* streams
    cdef float* edges
    cdef int64_t* counts
    cdef Py_ssize_t n_features, n_outputs, n_counts
    cdef int64_t n_rows
    cdef list latency_counts
    cdef object latency_sum_ns, latency_maximum_ns

    def __cinit__(self, baseline):
        references = baseline.streams
        self.n_features = sum(reference.role == "feature" for reference in references)
        self.n_outputs = len(references) - self.n_features
        self.n_counts = sum(len(reference.edges) + 1 for reference in references)
        n_edges = sum(max(len(reference.edges), LINEAR) for reference in references)
        self.streams = <Stream*>calloc(len(references), sizeof(Stream))
        self.edges = <float*>calloc(n_edges, sizeof(float))
        self.counts = <int64_t*>calloc(self.n_counts, sizeof(int64_t))
        if not (self.streams and self.edges and self.counts):
            raise MemoryError
        self._lay_out(references)
        self._reset()

    def __dealloc__(self):
        free(self.streams)
        free(self.edges)
        free(self.counts)

    cdef _lay_out(self, references):
        cdef Stream* stream
        cdef Py_ssize_t edge = 0, count = 0
        for i, reference in enumerate(references):
            stream = &self.streams[i]
            stream.pivot = reference.mean
            stream.range_minimum = -INFINITY if reference.range_minimum is None else reference.range_minimum
            stream.range_maximum = INFINITY if reference.range_maximum is None else reference.range_maximum
            stream.n_edges = len(reference.edges)
            stream.edges = &self.edges[edge]
            stream.counts = &self.counts[count]
            for j in range(max(stream.n_edges, LINEAR)):
                stream.edges[j] = reference.edges[j] if j < stream.n_edges else INFINITY
            edge += max(stream.n_edges, LINEAR)
            count += stream.n_edges + 1

    cdef _reset(self):
        cdef Py_ssize_t i
        cdef Stream* stream
        for i in range(self.n_counts):
            self.counts[i] = 0
        for i in range(self.n_features + self.n_outputs):
            stream = &self.streams[i]
            stream.sum = stream.sum_squares = stream.lag_products = 0.0
            stream.lag_pairs = stream.missing = stream.infinite = stream.out_of_range = 0
            stream.minimum, stream.maximum = INFINITY, -INFINITY
        self.n_rows = 0
        self.latency_counts = [0] * BUCKETS
        self.latency_sum_ns = self.latency_maximum_ns = 0

    @property
    def rows(self):
        """Rows since the last ``take``."""
        return self.n_rows

    def update(self, row, outputs):
        """Count one row. No value makes it raise, NaN and infinities included.

        Args:
            row: The features, C-contiguous float32 (n_features,).
            outputs: The model's outputs, C-contiguous float64 (n_outputs,); each is counted
                as the nearest float32.

        Raises:
            RowError: A buffer has the wrong width or type; nothing was counted.
        """
        cdef Py_buffer features_view, outputs_view
        cdef Py_ssize_t i
        cdef Stream* stream = self.streams
        acquire(row, &features_view, c"f", sizeof(float), self.n_features)
        try:
            acquire(outputs, &outputs_view, c"d", sizeof(double), self.n_outputs)
        except RowError:
            PyBuffer_Release(&features_view)
            raise
        for i in range(self.n_features):
            count_value(stream, (<float*>features_view.buf)[i])
            stream += 1
        for i in range(self.n_outputs):
            count_value(stream, <float>(<double*>outputs_view.buf)[i])
            stream += 1
        self.n_rows += 1
        PyBuffer_Release(&outputs_view)
        PyBuffer_Release(&features_view)

    def observe_latency_ns(self, latency_ns):
        """Count the time that scoring one row took, in nanoseconds."""
        self.latency_counts[bucket_of(latency_ns)] += 1
        self.latency_sum_ns += latency_ns
        if latency_ns > self.latency_maximum_ns:
            self.latency_maximum_ns = latency_ns

    def take(self):
        """Return the statistics since the last ``take``, and start again from none."""
        streams = tuple([sketch_of(&self.streams[i]) for i in range(self.n_features + self.n_outputs)])
        latency = LatencyHistogram(
            counts=tuple(self.latency_counts), sum_ns=self.latency_sum_ns, maximum_ns=self.latency_maximum_ns
        )
        summary = WindowSummary(rows=self.n_rows, streams=streams, latency=latency)
        self._reset()
        return summary


cdef int acquire(object values, Py_buffer* view, char kind, Py_ssize_t itemsize, Py_ssize_t width) except -1:
    """Open a one-row buffer, checked."""
    try:
        PyObject_GetBuffer(values, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
    except (TypeError, BufferError, ValueError) as error:
        raise RowError(f"a row is a C-contiguous buffer, not this {type(values).__name__}: {error}") from error
    if view.format != NULL and view.format[0] == kind and view.format[1] == 0 and view.len == width * itemsize:
        return 0
    told = f"format {view.format.decode() if view.format != NULL else 'B'!r}, {view.len} bytes"
    PyBuffer_Release(view)
    raise RowError(f"a row of {width} values of format {chr(kind)!r} is needed, not {told}")


cdef sketch_of(Stream* stream):
    return StreamSketch(
        pivot=stream.pivot,
        counts=tuple([stream.counts[i] for i in range(stream.n_edges + 1)]),
        missing=stream.missing,
        infinite=stream.infinite,
        out_of_range=stream.out_of_range,
        sum=stream.sum,
        sum_squares=stream.sum_squares,
        lag_products=stream.lag_products,
        lag_pairs=stream.lag_pairs,
        minimum=stream.minimum,
        maximum=stream.maximum,
    )
