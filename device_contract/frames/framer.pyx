# cython: language_level=3, binding=False, boundscheck=False, wraparound=False
"""The door between Python and the frames: samples in, now and then a row of features out."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint32_t

import array

from device_contract.errors import RowError
from device_contract.frames.frame import STATISTICS


cdef extern from "frame.h" nogil:
    ctypedef struct leeway_frame_band:
        uint32_t first
        uint32_t end
    ctypedef struct leeway_frame:
        uint32_t n_channels
        uint32_t length
        uint32_t hop
        uint32_t features
        uint32_t n_bands
        const leeway_frame_band *bands
    ctypedef struct leeway_framer:
        pass
    enum:
        LEEWAY_FRAME_SAMPLES
    size_t leeway_frame_width(const leeway_frame *frame)
    size_t leeway_framer_bytes(const leeway_frame *frame)
    void leeway_framer_init(leeway_framer *framer, const leeway_frame *frame, void *memory)
    void leeway_framer_reset(leeway_framer *framer)
    int leeway_framer_push(leeway_framer *framer, const float *sample, float *row)


cdef class Framer:
    """Turns a stream of samples into rows of features.

    All memory is taken at the start; a sample costs a few nanoseconds, a completed frame the
    work of its features. One stream each: not to be shared by threads.

    Args:
        frame: What to compute; checked here.

    Attributes:
        row: The last completed frame's features, float32 (n_features,); written anew by each.
        n_channels: Numbers in a sample.
        n_features: Numbers in a row.

    Raises:
        ManifestError: The frame contradicts itself or exceeds a limit.
    """

    cdef leeway_framer _framer
    cdef leeway_frame _frame
    cdef leeway_frame_band *_bands
    cdef void *_memory
    cdef float *_sample
    cdef Py_buffer _row
    cdef bint _has_row
    cdef readonly object row
    cdef readonly Py_ssize_t n_channels
    cdef readonly Py_ssize_t n_features

    def __cinit__(self, frame):
        frame.check()
        self._describe(frame)
        self._memory = PyMem_Malloc(leeway_framer_bytes(&self._frame))
        self._sample = <float *>PyMem_Malloc(self._frame.n_channels * sizeof(float))
        if self._memory == NULL or self._sample == NULL:
            raise MemoryError
        leeway_framer_init(&self._framer, &self._frame, self._memory)
        self.n_channels = self._frame.n_channels
        self.n_features = leeway_frame_width(&self._frame)
        self.row = array.array("f", bytes(4 * self.n_features))
        PyObject_GetBuffer(self.row, &self._row, PyBUF_WRITABLE)
        self._has_row = True

    cdef int _describe(self, frame) except -1:
        bins = frame.bins()
        self._bands = <leeway_frame_band *>PyMem_Malloc(max(len(bins), 1) * sizeof(leeway_frame_band))
        if self._bands == NULL:
            raise MemoryError
        for i, (first, end) in enumerate(bins):
            self._bands[i].first = first
            self._bands[i].end = end
        self._frame.n_channels = len(frame.channels)
        self._frame.length = frame.length
        self._frame.hop = frame.hop
        self._frame.features = sum([1 << bit for bit, name in enumerate(STATISTICS) if name in frame.features])
        if "samples" in frame.features:
            self._frame.features |= LEEWAY_FRAME_SAMPLES
        self._frame.n_bands = len(bins)
        self._frame.bands = self._bands
        return 0

    def __dealloc__(self):
        if self._has_row:
            PyBuffer_Release(&self._row)
        PyMem_Free(self._memory)
        PyMem_Free(self._sample)
        PyMem_Free(self._bands)

    def push(self, sample):
        """Take one sample of each channel.

        Args:
            sample: float32 C-contiguous buffer of n_channels values, or a sequence of numbers; NaN where missing.

        Returns:
            Whether it completed a frame, whose features are now in ``row``.

        Raises:
            RowError: The sample has the wrong width or type; it was not taken.
        """
        cdef Py_buffer view
        cdef bint is_complete
        if isinstance(sample, list | tuple):
            self._read(tuple(sample))  # a number's __float__ may run Python that changes a list
            return leeway_framer_push(&self._framer, self._sample, <float *>self._row.buf) != 0
        _acquire(sample, &view, self.n_channels)
        is_complete = leeway_framer_push(&self._framer, <const float *>view.buf, <float *>self._row.buf) != 0
        PyBuffer_Release(&view)
        return is_complete

    cdef int _read(self, tuple sample) except -1:
        if len(sample) != self.n_channels:
            raise RowError(f"a sample of {self.n_channels} values is needed, not {len(sample)}")
        try:
            for i in range(self.n_channels):
                self._sample[i] = sample[i]
        except (TypeError, OverflowError) as error:
            raise RowError(f"a sample is a sequence of numbers: {error}") from error
        return 0

    def rows(self, frames):
        """Compute the features of whole frames, each by itself; the stream that was pushed is forgotten.

        Args:
            frames: float32 C-contiguous buffer, (n_frames, n_channels, length).

        Returns:
            ``array.array("f")`` of n_frames rows, one after the other: to the last bit what ``push``
            gives of the same samples.

        Raises:
            RowError: The buffer is no whole number of frames, or not of float32.
        """
        cdef Py_buffer view, out
        cdef Py_ssize_t size = self.n_channels * self._frame.length, n_frames, i
        _acquire_any(frames, &view)
        n_frames = view.len // <Py_ssize_t>sizeof(float) // size
        if view.len != n_frames * size * <Py_ssize_t>sizeof(float):
            told = view.len // <Py_ssize_t>sizeof(float)
            PyBuffer_Release(&view)
            raise RowError(f"frames of {self.n_channels} x {self._frame.length} values are needed, not {told} values")
        rows = array.array("f", bytes(4 * n_frames * self.n_features))
        PyObject_GetBuffer(rows, &out, PyBUF_WRITABLE)
        with nogil:
            for i in range(n_frames):
                self._row_of(<const float *>view.buf + i * size, <float *>out.buf + i * self.n_features)
        leeway_framer_reset(&self._framer)
        PyBuffer_Release(&out)
        PyBuffer_Release(&view)
        return rows

    cdef void _row_of(self, const float *samples, float *row) noexcept nogil:
        cdef uint32_t i, channel
        leeway_framer_reset(&self._framer)
        for i in range(self._frame.length):
            for channel in range(self._frame.n_channels):
                self._sample[channel] = samples[channel * self._frame.length + i]
            leeway_framer_push(&self._framer, self._sample, row)

    def reset(self):
        """Forget all samples: the next frame begins with the next sample."""
        leeway_framer_reset(&self._framer)


cdef int _acquire(sample, Py_buffer *view, Py_ssize_t width) except -1:
    _acquire_any(sample, view)
    if view.len == width * <Py_ssize_t>sizeof(float):
        return 0
    told = view.len // <Py_ssize_t>sizeof(float)
    PyBuffer_Release(view)
    raise RowError(f"a sample of {width} values is needed, not {told}")


cdef int _acquire_any(values, Py_buffer *view) except -1:
    """Open a buffer of float32."""
    try:
        PyObject_GetBuffer(values, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
    except (TypeError, BufferError, ValueError) as error:
        raise RowError(f"samples are a C-contiguous float32 buffer, not this {type(values).__name__}: {error}") from error
    if view.format != NULL and view.format[0] == c"f" and view.format[1] == 0:
        return 0
    told = view.format.decode() if view.format != NULL else "B"
    PyBuffer_Release(view)
    raise RowError(f"samples are float32 (format 'f'), not {told!r}")
