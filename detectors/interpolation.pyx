# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Between the lines of tables, in one pass; numpy would gather all lines first."""

import numpy as np

cdef extern from *:
    """
    #include <stddef.h>

    static void differ(const float *table, size_t width, float before, float after, size_t last, float *out) {
        const size_t from = before < last ? (size_t)before : last - 1, to = after < last ? (size_t)after : last - 1;
        const float here = before - from, there = after - to;
        const float *a = table + from * width, *b = table + to * width;
        for (size_t i = 0; i < width; i++)
            out[i] = (b[i] + there * (b[i + width] - b[i])) - (a[i] + here * (a[i + width] - a[i]));
    }
    """
    void differ(const float *table, size_t width, float before, float after, size_t last, float *out) noexcept nogil


def differences(tables, before, after):
    """Return by how much each table's line changes from one place to another.

    Args:
        tables: (S, lines, width), float32; at least two lines.
        before: (n, S): places in each table, 0 to ``lines - 1``; those between two lines are interpolated.
        after: (n, S), likewise.

    Returns:
        (n, S, width), float32.
    """
    found = np.empty((*before.shape, tables.shape[2]), np.float32)
    cdef const float[:, :, ::1] table = tables
    cdef const float[:, ::1] first = np.ascontiguousarray(before, np.float32)
    cdef const float[:, ::1] second = np.ascontiguousarray(after, np.float32)
    cdef float[:, :, ::1] out = found
    cdef Py_ssize_t row, column
    if found.size:
        for row in range(out.shape[0]):
            for column in range(out.shape[1]):
                differ(&table[column, 0, 0], table.shape[2], first[row, column], second[row, column],
                       table.shape[1] - 1, &out[row, column, 0])
    return found
