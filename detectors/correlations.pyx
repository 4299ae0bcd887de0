# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Correlations of all pairs of features from their sums, in one pass over the products."""

import numpy as np

from libc.math cimport NAN, isfinite, sqrt


def correlations_of(rows, sums, products):
    """Return the correlations of all pairs (n, F (F - 1) / 2), float32, row by row of the upper triangle.

    That with a constant is 0. Sums without a square give NaN, and with it a window that is not judged.

    Args:
        rows: (n,), rows in the sums.
        sums: (n, F), of standardised values.
        products: (n, F (F + 1) / 2), of their products, row by row of the upper triangle.
    """
    cdef const double[::1] counts = np.ascontiguousarray(rows, np.float64)
    cdef const double[:, ::1] totals = np.ascontiguousarray(sums, np.float64)
    cdef const double[:, ::1] upper = np.ascontiguousarray(products, np.float64)
    cdef Py_ssize_t features = totals.shape[1], row, one, other, place, pair
    found = np.empty((counts.shape[0], features * (features - 1) // 2), np.float32)
    cdef float[:, ::1] pairs = found
    cdef double[::1] mean = np.empty(features), scale = np.empty(features)
    cdef double part, variance
    for row in range(counts.shape[0]):
        part, place, pair = 1.0 / counts[row], 0, 0
        for one in range(features):
            mean[one] = totals[row, one] * part
            variance = upper[row, place] * part - mean[one] * mean[one]
            scale[one] = NAN if not isfinite(variance) else 1.0 / sqrt(variance) if variance > 0.0 else 0.0
            place += features - one
        place = 0
        for one in range(features):
            place += 1
            for other in range(one + 1, features):
                pairs[row, pair] = held((upper[row, place] * part - mean[one] * mean[other]) * scale[one] * scale[other])
                place += 1
                pair += 1
    return found


cdef inline double held(double correlation) noexcept nogil:
    return 1.0 if correlation > 1.0 else -1.0 if correlation < -1.0 else correlation
