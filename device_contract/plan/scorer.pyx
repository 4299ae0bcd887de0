# cython: language_level=3, binding=False, boundscheck=False, wraparound=False
"""The door between Python and the kernels: one row in about a tenth of a microsecond.

Rows come in through the buffer protocol, so that numpy is never needed and never copied.
The GIL is kept for one row, which takes less time than giving it away, and released for
batches. Any number of threads may share a ``PlanScorer``: its workspace is used under the
GIL only, and a batch that runs beside another has a workspace of its own.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from cpython.float cimport PyFloat_AsDouble, PyFloat_FromDouble
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport uint32_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport strcmp

import sys

from device_contract.errors import PlanError, RowError, shown


cdef extern from "<sys/mman.h>" nogil:
    """
    #ifndef MADV_HUGEPAGE  /* Linux's own */
    #define MADV_HUGEPAGE 0
    #endif
    """
    int madvise(void *address, size_t length, int advice)
    int MADV_HUGEPAGE

cdef extern from "kernels.h" nogil:
    ctypedef struct leeway_plan_header:
        uint32_t n_features
        uint32_t n_outputs
    ctypedef enum leeway_plan_status:
        LEEWAY_PLAN_OK
    leeway_plan_status leeway_plan_check(const void *plan, size_t size_bytes)
    const char *leeway_plan_status_text(leeway_plan_status status)
    size_t leeway_plan_workspace_bytes(const void *plan)
    size_t leeway_plan_batch_tables_bytes(const void *plan)
    void leeway_plan_make_batch_tables(const void *plan, void *tables)
    size_t leeway_plan_block_workspace_bytes(const void *plan)
    ctypedef struct leeway_kernels:
        void (*score)(const void *plan, const float *row, void *workspace, double *scores) noexcept nogil
        void (*score_rows)(const void *plan, const void *tables, const float *rows, size_t n_rows, void *workspace,
                           double *scores) noexcept nogil
    const leeway_kernels *leeway_best_kernels()


cdef extern from "explain.h" nogil:
    uint32_t leeway_plan_explained_scores(const void *plan)
    size_t leeway_plan_explain_scratch_bytes(const void *plan)
    size_t leeway_plan_explain_tables_bytes(const void *plan, void *scratch)
    void leeway_plan_make_explain_tables(const void *plan, void *scratch, void *tables)
    void leeway_plan_explain(const leeway_kernels *kernels, const void *plan, const void *tables, const float *row,
                             double *contributions)
    void leeway_plan_explain_rows(const leeway_kernels *kernels, const void *plan, const void *tables,
                                  const float *rows, size_t n_rows, void *workspace, double *contributions)
    size_t leeway_plan_explain_workspace_bytes(const void *tables)


cdef extern from "Python.h":
    # By pointers, not objects: the fast path counts no references.
    object PySequence_Fast(object values, const char *message)
    Py_ssize_t PySequence_Fast_GET_SIZE(object values)
    PyObject **PySequence_Fast_ITEMS(object values)
    # Without Cython's look at the error state, which costs more than the look at the result.
    int get_buffer "PyObject_GetBuffer"(object values, Py_buffer *view, int flags) noexcept
    void PyErr_Clear() noexcept


cdef extern from *:
    """
    /* The first fields of numpy's PyArrayObject, which its ABI fixes (numpy/ndarraytypes.h). */
    typedef struct {
        PyObject_HEAD
        char *data;
        int n_dimensions;
        Py_ssize_t *dimensions;
        Py_ssize_t *strides;
        PyObject *base;
        PyObject *descr;
        int flags;
    } leeway_ndarray;
    """
    ctypedef struct leeway_ndarray:
        char *data
        int n_dimensions
        Py_ssize_t *dimensions
        Py_ssize_t *strides
        PyObject *descr
    ctypedef struct PyTypeObject:
        const char *tp_name
    PyTypeObject *Py_TYPE(PyObject *row)


cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)


cdef enum:
    STACK_VALUES = 128  # wider rows or more outputs take memory from the heap
    ALIGNMENT = 64  # of a workspace, in bytes
    HUGE_PAGE = 1 << 21


cdef class PlanScorer:
    """A plan, ready to score.

    Args:
        data: The plan's bytes; kept, and read in place if they lie on an address that is a
            multiple of 8 (as a mapped bundle's files do), else copied once.

    Attributes:
        n_features: Width of a row.
        n_outputs: Number of scores of a row.
        n_explained: Raw scores that ``explain_into`` explains; 0 where the plan cannot.
        explain_bytes: Memory that the first explanation takes, and keeps, beside the plan.

    Raises:
        PlanError: The bytes are not a sound plan.
    """

    cdef Py_buffer _data
    cdef bint _held
    cdef const leeway_kernels *_kernels
    cdef void *_workspace
    cdef void *_batch_tables  # made before the first batch
    cdef void *_explain_tables  # made before the first explanation; NULL also where there are none
    cdef bint _has_explained  # the tables have been made, if there are any
    cdef void *_block_workspace  # of the last batch; NULL while a batch uses it
    cdef Py_ssize_t _row_bytes
    cdef PyTypeObject *_array_type  # numpy's, once a row of it has been read
    cdef object _array_descr  # that row's dtype
    cdef readonly Py_ssize_t n_features
    cdef readonly Py_ssize_t n_outputs
    cdef readonly Py_ssize_t n_explained

    def __cinit__(self, data):
        cdef leeway_plan_status status
        cdef const leeway_plan_header *header
        self._held = False
        self._kernels = leeway_best_kernels()
        if sys.byteorder != "little":
            raise PlanError("plans are little-endian and read in place; this processor is big-endian")
        self._hold(data)
        if <uintptr_t>self._data.buf % 8 != 0:
            copy = bytes(data)
            PyBuffer_Release(&self._data)
            self._held = False
            self._hold(copy)
        with nogil:
            status = leeway_plan_check(self._data.buf, <size_t>self._data.len)
        if status != LEEWAY_PLAN_OK:
            raise PlanError(leeway_plan_status_text(status).decode("ascii"))
        self._workspace = _allocate(leeway_plan_workspace_bytes(self._data.buf))
        header = <const leeway_plan_header *>self._data.buf
        self.n_features = header.n_features
        self._row_bytes = self.n_features * <Py_ssize_t>sizeof(float)
        self.n_outputs = header.n_outputs
        self.n_explained = leeway_plan_explained_scores(self._data.buf)

    cdef int _hold(self, data) except -1:
        try:
            PyObject_GetBuffer(data, &self._data, PyBUF_SIMPLE)
        except (BufferError, TypeError) as error:
            raise PlanError(f"a plan is read from contiguous bytes: {error}") from error
        self._held = True
        return 0

    def __dealloc__(self):
        free(self._workspace)
        free(self._batch_tables)
        free(self._explain_tables)
        free(self._block_workspace)
        if self._held:
            PyBuffer_Release(&self._data)

    def score(self, row):
        """Score one row.

        Args:
            row: float32 C-contiguous buffer of n_features values, or a sequence of numbers.

        Returns:
            The score as a float, or a tuple of n_outputs floats.

        Raises:
            RowError: The row has the wrong width or the wrong type.
        """
        cdef double few[STACK_VALUES]
        if self.n_outputs > STACK_VALUES:
            return self._score_many(row)
        self._score(row, few)
        return _to_python(few, self.n_outputs)

    cdef object _score_many(self, row):
        cdef double *scores = <double *>PyMem_Malloc(self.n_outputs * sizeof(double))
        if scores == NULL:
            raise MemoryError
        try:
            self._score(row, scores)
            return _to_python(scores, self.n_outputs)
        finally:
            PyMem_Free(scores)

    def score_into(self, row, out):
        """Score one row into a buffer.

        Args:
            row: As for ``score``.
            out: Writable float64 C-contiguous buffer of n_outputs values.

        Raises:
            RowError: The row or ``out`` has the wrong width or the wrong type.
        """
        cdef Py_buffer view
        _open(out, &view, b"d", PyBUF_WRITABLE, "out")
        try:
            if view.len != self.n_outputs * <Py_ssize_t>sizeof(double):
                raise RowError(f"out has {view.len // 8} values, the model gives {self.n_outputs} a row")
            self._score(row, <double *>view.buf)
        finally:
            PyBuffer_Release(&view)

    def explain_into(self, row, out):
        """Write how much each feature adds to the raw scores of a row, before any link.

        Args:
            row: float32 C-contiguous buffer of n_features values.
            out: Writable float64 C-contiguous buffer of (n_features + 1) x n_explained values: a line for
                each feature, the last for the expected scores. A column's sum is a raw score.

        Raises:
            RowError: The row or ``out`` has the wrong width or the wrong type.
            PlanError: The plan holds nothing to explain by.
        """
        cdef Py_buffer source
        cdef const leeway_ndarray *array = <const leeway_ndarray *><PyObject *>row
        self._prepare_to_explain()
        if Py_TYPE(<PyObject *>row) == self._array_type and self._is_known(array):
            self._explain(<const float *>array.data, out)
            return
        _open(row, &source, b"f", 0, "row")
        try:
            if source.len != self._row_bytes:
                raise RowError(f"row has {source.len // 4} values, the model takes {self.n_features}")
            self._explain(<const float *>source.buf, out)
        finally:
            PyBuffer_Release(&source)
        self._learn(row)

    cdef int _explain(self, const float *row, out) except -1:
        cdef Py_buffer view
        _open(out, &view, b"d", PyBUF_WRITABLE, "out")
        try:
            if view.len != (self.n_features + 1) * self.n_explained * <Py_ssize_t>sizeof(double):
                raise RowError(
                    f"out has {view.len // 8} values, not {self.n_features + 1} lines of {self.n_explained}"
                )
            leeway_plan_explain(self._kernels, self._data.buf, self._explain_tables, row, <double *>view.buf)
        finally:
            PyBuffer_Release(&view)
        return 0

    def explain_batch_into(self, rows, Py_ssize_t n_rows, out):
        """Write what ``explain_into`` writes, for many rows; other threads run meanwhile.

        Args:
            rows: float32 C-contiguous buffer of n_rows x n_features values.
            n_rows: How many rows it holds.
            out: Writable float64 C-contiguous buffer of n_rows x (n_features + 1) x n_explained values.

        Raises:
            RowError: ``rows`` or ``out`` has the wrong size or the wrong type.
            PlanError: The plan holds nothing to explain by.
        """
        cdef Py_buffer source, target
        self._prepare_to_explain()
        _open(rows, &source, b"f", 0, "rows")
        try:
            _open(out, &target, b"d", PyBUF_WRITABLE, "out")
            try:
                self._check_batch(&source, &target, n_rows, (self.n_features + 1) * self.n_explained)
                self._explain_rows(<const float *>source.buf, n_rows, <double *>target.buf)
            finally:
                PyBuffer_Release(&target)
        finally:
            PyBuffer_Release(&source)

    cdef int _explain_rows(self, const float *rows, Py_ssize_t n_rows, double *contributions) except -1:
        cdef void *workspace = _allocate(leeway_plan_explain_workspace_bytes(self._explain_tables))
        with nogil:
            leeway_plan_explain_rows(
                self._kernels, self._data.buf, self._explain_tables, rows, <size_t>n_rows, workspace, contributions
            )
        free(workspace)
        return 0

    cdef inline int _prepare_to_explain(self) except -1:
        if self._has_explained:
            return 0
        if self.n_explained == 0:
            raise PlanError("the plan holds nothing to explain by; compile the model with --explain")
        return self._make_explain_tables()

    @property
    def explain_bytes(self):
        cdef void *scratch = _allocate(leeway_plan_explain_scratch_bytes(self._data.buf))
        try:
            return leeway_plan_explain_tables_bytes(self._data.buf, scratch)
        finally:
            free(scratch)

    cdef int _make_explain_tables(self) except -1:
        cdef void *scratch = _allocate(leeway_plan_explain_scratch_bytes(self._data.buf))
        cdef size_t n_bytes
        try:
            n_bytes = leeway_plan_explain_tables_bytes(self._data.buf, scratch)
            if n_bytes > 0:
                self._explain_tables = _allocate(n_bytes)
                leeway_plan_make_explain_tables(self._data.buf, scratch, self._explain_tables)
        finally:
            free(scratch)
        self._has_explained = True
        return 0

    def score_batch(self, rows, Py_ssize_t n_rows, out):
        """Score many rows; other threads run meanwhile.

        Args:
            rows: float32 C-contiguous buffer of n_rows x n_features values.
            n_rows: How many rows it holds.
            out: Writable float64 C-contiguous buffer of n_rows x n_outputs values.

        Raises:
            RowError: ``rows`` or ``out`` has the wrong size or the wrong type.
        """
        cdef Py_buffer source, target
        _open(rows, &source, b"f", 0, "rows")
        try:
            _open(out, &target, b"d", PyBUF_WRITABLE, "out")
            try:
                self._check_batch(&source, &target, n_rows, self.n_outputs)
                self._score_rows(<const float *>source.buf, n_rows, <double *>target.buf)
            finally:
                PyBuffer_Release(&target)
        finally:
            PyBuffer_Release(&source)

    cdef int _check_batch(self, Py_buffer *source, Py_buffer *target, Py_ssize_t n_rows, Py_ssize_t width) except -1:
        # Divided, not multiplied: a product with the caller's n_rows might overflow.
        cdef Py_ssize_t row_bytes = self.n_features * sizeof(float), score_bytes = width * sizeof(double)
        if source.len % row_bytes != 0 or source.len // row_bytes != n_rows:
            raise RowError(f"rows has {source.len // 4} values, not {n_rows} rows of {self.n_features}")
        if target.len % score_bytes != 0 or target.len // score_bytes != n_rows:
            raise RowError(f"out has {target.len // 8} values, not {n_rows} rows of {width}")
        return 0

    cdef int _score_rows(self, const float *rows, Py_ssize_t n_rows, double *scores) except -1:
        cdef void *workspace = self._block_workspace
        self._block_workspace = NULL  # another thread's batch, meanwhile, takes memory of its own
        if workspace == NULL:
            workspace = _allocate(leeway_plan_block_workspace_bytes(self._data.buf))
        if self._batch_tables == NULL:
            self._batch_tables = _allocate(leeway_plan_batch_tables_bytes(self._data.buf))
            leeway_plan_make_batch_tables(self._data.buf, self._batch_tables)
        with nogil:
            self._kernels.score_rows(self._data.buf, self._batch_tables, rows, <size_t>n_rows, workspace, scores)
        if self._block_workspace == NULL:
            self._block_workspace = workspace
        else:
            free(workspace)
        return 0

    cdef int _score(self, row, double *scores) except -1:
        cdef Py_buffer view
        cdef const leeway_ndarray *array = <const leeway_ndarray *><PyObject *>row
        if Py_TYPE(<PyObject *>row) == self._array_type and self._is_known(array):
            self._kernels.score(self._data.buf, <const float *>array.data, self._workspace, scores)
            return 0
        if not PyObject_CheckBuffer(row):
            return self._score_sequence(row, scores)
        if get_buffer(row, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0:
            PyErr_Clear()
            return self._score_other(row, scores)
        if view.len != self._row_bytes or view.format == NULL or view.format[0] != c"f" or view.format[1] != 0:
            PyBuffer_Release(&view)
            return self._score_other(row, scores)
        self._kernels.score(self._data.buf, <const float *>view.buf, self._workspace, scores)
        PyBuffer_Release(&view)
        self._learn(row)
        return 0

    # numpy writes the format anew for each buffer that it gives, which takes as long as a
    # small model. An array whose dtype is the very object that a row before had needs none.
    cdef inline bint _is_known(self, const leeway_ndarray *array) noexcept:
        return (
            array.descr == <PyObject *>self._array_descr
            and array.n_dimensions == 1
            and array.dimensions[0] == self.n_features
            and array.strides[0] == sizeof(float)
            and <uintptr_t>array.data % sizeof(float) == 0
        )

    cdef int _learn(self, row) except -1:
        """Remember the dtype of a numpy array that has been read as float32."""
        cdef PyTypeObject *kind = Py_TYPE(<PyObject *>row)
        if kind.tp_name[0] == c"n" and strcmp(kind.tp_name, b"numpy.ndarray") == 0:
            self._array_descr = <object>(<const leeway_ndarray *><PyObject *>row).descr
            self._array_type = kind
        return 0

    cdef int _score_other(self, row, double *scores) except -1:
        """Score a buffer that states its byte order, or tell what is wrong with it."""
        cdef Py_buffer view
        _open(row, &view, b"f", 0, "row")
        if view.len != self._row_bytes:
            width = view.len // 4
            PyBuffer_Release(&view)
            raise RowError(f"row has {width} values, the model takes {self.n_features}")
        self._kernels.score(self._data.buf, <const float *>view.buf, self._workspace, scores)
        PyBuffer_Release(&view)
        return 0

    cdef int _score_sequence(self, row, double *scores) except -1:
        cdef float few[STACK_VALUES]
        cdef float *values = few
        if self.n_features > STACK_VALUES:
            values = <float *>PyMem_Malloc(self.n_features * sizeof(float))
            if values == NULL:
                raise MemoryError
        try:
            _read_sequence(row, values, self.n_features)
            self._kernels.score(self._data.buf, values, self._workspace, scores)
        finally:
            if values != few:
                PyMem_Free(values)
        return 0


cdef void *_allocate(size_t size) except NULL:
    """Return memory, aligned as the kernels want it; much of it in pages as long as there are."""
    cdef void *memory = NULL
    if posix_memalign(&memory, ALIGNMENT if size < HUGE_PAGE else HUGE_PAGE, size) != 0:
        raise MemoryError
    if size >= HUGE_PAGE:
        madvise(memory, size, MADV_HUGEPAGE)  # a wish
    return memory


cdef int _open(values, Py_buffer *view, const char *code, int flags, name) except -1:
    """Open a C-contiguous buffer of native floats: ``f`` or ``d``, as in the struct module."""
    cdef const char *format
    try:
        PyObject_GetBuffer(values, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)
    except (BufferError, TypeError, ValueError) as error:
        raise RowError(f"{name} cannot be read as a C-contiguous buffer: {error}") from error
    format = view.format
    if format != NULL:
        # The byte orders that mean this processor's own; plans run on little-endian ones only.
        if format[0] == c"@" or format[0] == c"=" or format[0] == c"<":
            format += 1
        if format[0] == code[0] and format[1] == 0:
            return 0
    # Without a format, PEP 3118 says, the buffer holds unsigned bytes.
    given = view.format.decode("ascii", "replace") if view.format != NULL else "B"
    PyBuffer_Release(view)
    wanted = "float32 ('f')" if code[0] == c"f" else "float64 ('d')"
    raise RowError(f"{name} holds values of format {given!r}; give {wanted}")


cdef int _read_sequence(row, float *values, Py_ssize_t n_values) except -1:
    """Read a list or tuple (or other sequence) of numbers; a float64 rounds to float32."""
    cdef Py_ssize_t index
    cdef PyObject **items
    if isinstance(row, (str, dict, set, frozenset)) or not hasattr(row, "__len__"):
        raise RowError(f"row is a {type(row).__name__}; give a float32 buffer or a sequence of numbers")
    sequence = PySequence_Fast(row, b"row is not a sequence")
    if PySequence_Fast_GET_SIZE(sequence) != n_values:
        raise RowError(f"row has {PySequence_Fast_GET_SIZE(sequence)} values, the model takes {n_values}")
    for index in range(n_values):
        # A number's __float__ may run Python that changes a list: look at it anew each time.
        if index >= PySequence_Fast_GET_SIZE(sequence):
            raise RowError("row changed while it was read")
        items = PySequence_Fast_ITEMS(sequence)
        value = <object>items[index]
        try:
            values[index] = <float>PyFloat_AsDouble(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise RowError(f"value {index} of the row is no number: {shown(value)}") from error
    return 0


cdef object _to_python(const double *scores, Py_ssize_t n_outputs):
    cdef Py_ssize_t index
    if n_outputs == 1:
        return PyFloat_FromDouble(scores[0])
    result = PyTuple_New(n_outputs)
    for index in range(n_outputs):
        value = PyFloat_FromDouble(scores[index])
        Py_INCREF(value)
        PyTuple_SET_ITEM(result, index, value)
    return result
