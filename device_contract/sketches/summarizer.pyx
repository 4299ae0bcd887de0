# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The device's summarizer: rows gather in a block, which is then counted column by column."""

from array import array as make_array

from cpython.array cimport array
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY, NAN, fabs
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from device_contract.errors import RowError
from device_contract.sketches.attribution import AttributionSums
from device_contract.sketches.comoments import Comoments
from device_contract.sketches.latency import BUCKETS, LatencyHistogram
from device_contract.sketches.projection import ProjectionSums
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary


cdef extern from "blocks.h" nogil:
    enum:
        LEEWAY_BLOCK_ROWS
        LEEWAY_COMPONENTS
    ctypedef struct leeway_stream:
        double pivot, sum, sum_squares, lag_products, previous
        int64_t finite, missing, infinite, out_of_range, lag_pairs, repeats, longest_run
        float before, minimum, maximum, range_minimum, range_maximum
        int32_t n_edges
        const float *edges
        int64_t *at_least
    ctypedef struct leeway_projection:
        int32_t n_features
        const int32_t *columns
        const float *scales
        const float *components
        float weights[5]
        int64_t rows, comoment_rows
        double t2, t2_squares, q, q_squares
        double *sums
        double *products
        float *standardised
    void leeway_count_column(leeway_stream *stream, float *column, int32_t n_rows)
    void leeway_count_edges(const float *column, const float *edges, int32_t n_edges, int64_t *at_least)
    void leeway_project_block(leeway_projection *projection, const float *block)

cdef enum:
    PROBABILITY = 1  # what of the outputs is the score
    CONFIDENCE = 2
    VALUE = 3

cdef int64_t LONGEST_NS = (1LL << 40) - 1  # of device_contract.sketches.latency
cdef dict SCORE_KINDS = {"probability": PROBABILITY, "confidence": CONFIDENCE, "value": VALUE}


cdef class RowSummarizer:
    """Summarises rows one at a time.

    The row before stays the neighbour of the next row across ``take``, so that two windows
    in a row merge to exactly what one longer window would have held.

    Args:
        baseline: The streams' bins, pivots and plausible ranges; the projection; the score's bins.
    """

    cdef leeway_stream *streams
    cdef leeway_projection projection
    cdef float *block        # (streams, then the score; LEEWAY_BLOCK_ROWS)
    cdef float *score_edges  # the first is minus infinity, which every score reaches
    cdef int64_t *score_counts
    cdef double *contributions
    cdef int64_t *latency_counts
    cdef int64_t latency_sum_ns, latency_maximum_ns, n_explained, n_rows
    cdef Py_ssize_t n_features, n_outputs
    cdef int32_t in_block, n_score_edges
    cdef int score_kind
    cdef dict kept           # the arrays that the pointers lead into

    def __cinit__(self, baseline):
        references, score = baseline.streams, baseline.score
        self.kept = {}
        self.n_features = sum(reference.role == "feature" for reference in references)
        self.n_outputs = len(references) - self.n_features
        self.block = <float *>self._keep("block", "f", (len(references) + 1) * LEEWAY_BLOCK_ROWS)
        self.contributions = <double *>self._keep("contributions", "d", self.n_features)
        self.latency_counts = <int64_t *>self._keep("latency_counts", "q", BUCKETS)
        self._lay_out_streams(references)
        if score is not None:
            self.score_kind = SCORE_KINDS[score.kind]
            self.n_score_edges = len(score.counts)
            self.score_edges = <float *>self._keep("score_edges", "f", (-INFINITY, *score.edges))
            self.score_counts = <int64_t *>self._keep("score_counts", "q", self.n_score_edges)
        if baseline.projection is not None:
            self._lay_out_projection(baseline)
        self._reset()

    cdef void *_keep(self, str name, str typecode, values) except NULL:
        """Keep an array of values, or of so many zeros; return where it begins."""
        cdef array kept = make_array(typecode, values if isinstance(values, (list, tuple)) else [0])
        if isinstance(values, int):
            kept *= max(values, 1)
        self.kept[name] = kept
        return kept.data.as_voidptr

    cdef _lay_out_streams(self, references):
        cdef leeway_stream *stream
        cdef float *edges = <float *>self._keep("edges", "f", [x for each in references for x in each.edges])
        cdef int64_t *at_least = <int64_t *>self._keep("at_least", "q", sum(len(each.edges) for each in references))
        self.streams = <leeway_stream *>self._keep("streams", "b", len(references) * sizeof(leeway_stream))
        for i, reference in enumerate(references):
            stream = &self.streams[i]
            stream.pivot = reference.mean
            stream.before = NAN
            stream.range_minimum = -INFINITY if reference.range_minimum is None else reference.range_minimum
            stream.range_maximum = INFINITY if reference.range_maximum is None else reference.range_maximum
            stream.n_edges = len(reference.edges)
            stream.edges = edges
            stream.at_least = at_least
            edges += stream.n_edges
            at_least += stream.n_edges

    cdef _lay_out_projection(self, baseline):
        cdef leeway_projection *to = &self.projection
        read = baseline.projection
        n, n_components = len(read.features), len(read.eigenvalues)
        loadings = memoryview(read.components).cast("f")
        turned = [loadings[k * n + i] if k < n_components else 0.0 for i in range(n) for k in range(LEEWAY_COMPONENTS)]
        deviations = [baseline.streams[feature].standard_deviation for feature in read.features]
        to.n_features = n
        to.columns = <int32_t *>self._keep("columns", "i", read.features)
        to.scales = <float *>self._keep("scales", "f", [1.0 / deviation for deviation in deviations])
        to.components = <float *>self._keep("components", "f", turned)
        to.standardised = <float *>self._keep("standardised", "f", n * LEEWAY_BLOCK_ROWS)
        for k in range(n_components):
            to.weights[k] = 1.0 / read.eigenvalues[k]
        if baseline.correlations:
            to.sums = <double *>self._keep("sums", "d", n)
            to.products = <double *>self._keep("products", "d", n * (n + 1) // 2)

    cdef _reset(self):
        cdef Py_ssize_t i
        cdef leeway_stream *stream
        for name in ("at_least", "contributions", "latency_counts", "score_counts"):
            if name in self.kept:
                clear(self.kept[name])
        for i in range(self.n_features + self.n_outputs):
            stream = &self.streams[i]
            stream.sum = stream.sum_squares = stream.lag_products = 0.0
            stream.finite = stream.missing = stream.infinite = stream.out_of_range = 0
            stream.lag_pairs = stream.repeats = stream.longest_run = 0
            stream.minimum, stream.maximum = INFINITY, -INFINITY
        self.projection.rows = 0
        self.projection.t2 = self.projection.t2_squares = self.projection.q = self.projection.q_squares = 0.0
        self.n_rows = self.n_explained = self.latency_sum_ns = self.latency_maximum_ns = 0

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
        acquire(row, &features_view, c"f", sizeof(float), self.n_features)
        try:
            acquire(outputs, &outputs_view, c"d", sizeof(double), self.n_outputs)
        except RowError:
            PyBuffer_Release(&features_view)
            raise
        self._place(<float *>features_view.buf, <double *>outputs_view.buf)
        PyBuffer_Release(&outputs_view)
        PyBuffer_Release(&features_view)

    cdef void _place(self, const float *row, const double *outputs) noexcept nogil:
        cdef float *to = self.block + self.in_block
        cdef Py_ssize_t i
        for i in range(self.n_features):
            to[i * LEEWAY_BLOCK_ROWS] = row[i]
        to += self.n_features * LEEWAY_BLOCK_ROWS
        for i in range(self.n_outputs):
            to[i * LEEWAY_BLOCK_ROWS] = <float>outputs[i]
        if self.score_kind:
            to[self.n_outputs * LEEWAY_BLOCK_ROWS] = score_of(self.score_kind, outputs, self.n_outputs)
        self.n_rows += 1
        self.in_block += 1
        if self.in_block == LEEWAY_BLOCK_ROWS:
            self._count_block()

    cdef void _count_block(self) noexcept nogil:
        """Count the rows in the block, the places after them as NaN, and empty it."""
        cdef Py_ssize_t i, row
        cdef float *column = self.block
        for i in range(self.n_features + self.n_outputs + 1):
            for row in range(self.in_block, LEEWAY_BLOCK_ROWS):
                column[row] = NAN
            if i < self.n_features + self.n_outputs:
                leeway_count_column(&self.streams[i], column, self.in_block)
            elif self.score_kind:
                leeway_count_edges(column, self.score_edges, self.n_score_edges, self.score_counts)
            column += LEEWAY_BLOCK_ROWS
        if self.projection.n_features:
            leeway_project_block(&self.projection, self.block)
        self.in_block = 0

    def observe_latency_ns(self, int64_t latency_ns):
        """Count the time that scoring one row took, in nanoseconds."""
        self.latency_counts[bucket_of(latency_ns)] += 1
        self.latency_sum_ns += latency_ns
        if latency_ns > self.latency_maximum_ns:
            self.latency_maximum_ns = latency_ns

    def observe_contributions(self, contributions):
        """Count what each feature contributed to the scores of a row, by its absolute value.

        Args:
            contributions: As ``PlanScorer.explain_into`` gives them, float64
                (n_features + 1, explained scores); the last line is not used.

        Raises:
            RowError: The buffer is none of that.
        """
        cdef Py_buffer view
        cdef Py_ssize_t i, width
        acquire(contributions, &view, c"d", sizeof(double), -(self.n_features + 1))
        width = view.len // <Py_ssize_t>sizeof(double) // (self.n_features + 1)
        for i in range(self.n_features * width):
            self.contributions[i // width] += fabs((<double *>view.buf)[i])
        self.n_explained += 1
        PyBuffer_Release(&view)

    def take(self, *, with_comoments=False):
        """Return the statistics since the last ``take``, and start again from none.

        Args:
            with_comoments: Give the co-moments too, since they were last given.
        """
        if self.in_block:
            self._count_block()
        summary = WindowSummary(
            rows=self.n_rows,
            streams=tuple([sketch_of(&self.streams[i]) for i in range(self.n_features + self.n_outputs)]),
            latency=LatencyHistogram(
                counts=tuple(self.kept["latency_counts"]),
                sum_ns=self.latency_sum_ns,
                maximum_ns=self.latency_maximum_ns,
            ),
            score_counts=between(self.kept["score_counts"]) if self.score_kind else (),
            projection=self._projection_sums(),
            attributions=self._attributions(),
            comoments=self._take_comoments() if with_comoments else None,
        )
        self._reset()
        return summary

    cdef _projection_sums(self):
        cdef leeway_projection *sums = &self.projection
        return ProjectionSums(
            rows=sums.rows, t2=sums.t2, t2_squares=sums.t2_squares, q=sums.q, q_squares=sums.q_squares
        )

    cdef _attributions(self):
        return AttributionSums(
            rows=self.n_explained, sums=tuple(self.kept["contributions"]) if self.n_explained else ()
        )

    cdef _take_comoments(self):
        if self.projection.products == NULL or not self.projection.comoment_rows:
            return None
        taken = Comoments(
            rows=self.projection.comoment_rows, sums=tuple(self.kept["sums"]), products=tuple(self.kept["products"])
        )
        self.projection.comoment_rows = 0
        clear(self.kept["sums"])
        clear(self.kept["products"])
        return taken


cdef inline float score_of(int kind, const double *outputs, Py_ssize_t n_outputs) noexcept nogil:
    """Return the score of a row: the second output, the greatest, or the first."""
    cdef Py_ssize_t i
    cdef double greatest = outputs[0]
    if kind == PROBABILITY and n_outputs > 1:
        return <float>outputs[1]
    if kind == CONFIDENCE:
        for i in range(1, n_outputs):
            if not outputs[i] <= greatest:  # NaN too, which the score then is
                greatest = outputs[i]
    return <float>greatest


cdef inline Py_ssize_t bucket_of(int64_t latency_ns) noexcept nogil:
    """Return ``device_contract.sketches.latency.bucket_of``."""
    cdef int64_t clamped = min(max(latency_ns, 1), LONGEST_NS)
    cdef Py_ssize_t octave = 0
    while clamped >> (octave + 1):
        octave += 1
    return octave * 8 + (((clamped << 3) >> octave) & 7)


cdef int acquire(object values, Py_buffer *view, char kind, Py_ssize_t itemsize, Py_ssize_t width) except -1:
    """Open a one-row buffer, checked; a negative width is that of one of several equal lines."""
    try:
        PyObject_GetBuffer(values, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
    except (TypeError, BufferError, ValueError) as error:
        raise RowError(f"a row is a C-contiguous buffer, not this {type(values).__name__}: {error}") from error
    if view.format != NULL and view.format[0] == kind and view.format[1] == 0:
        if view.len == width * itemsize or (width < 0 < view.len and view.len % (-width * itemsize) == 0):
            return 0
    told = f"format {view.format.decode() if view.format != NULL else 'B'!r}, {view.len} bytes"
    PyBuffer_Release(view)
    raise RowError(f"a row of {abs(width)} values of format {chr(kind)!r} is needed, not {told}")


cdef clear(array values):
    memset(values.data.as_voidptr, 0, len(values) * values.itemsize)


cdef between(at_least):
    """Return the counts between edges from those at or above each; the first edge is below everything."""
    return tuple([here - above for here, above in zip(at_least, [*at_least[1:], 0])])


cdef sketch_of(leeway_stream *stream):
    at_least = [stream.finite, *[stream.at_least[i] for i in range(stream.n_edges)]]
    return StreamSketch(
        pivot=stream.pivot,
        counts=between(at_least),
        missing=stream.missing,
        infinite=stream.infinite,
        out_of_range=stream.out_of_range,
        sum=stream.sum,
        sum_squares=stream.sum_squares,
        lag_products=stream.lag_products,
        lag_pairs=stream.lag_pairs,
        repeats=stream.repeats,
        longest_run=stream.longest_run,
        minimum=stream.minimum,
        maximum=stream.maximum,
    )
