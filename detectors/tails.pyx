# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Tails of the beta-binomial distribution, summed up term by term: they are where a window's time went."""

from libc.math cimport NAN, log

cdef enum:
    MOST_TERMS = 400
    FEW = 12
cdef double NEGLIGIBLE = 1e-5
cdef double LEAST = 1e-300
cdef double HALF_LOG_TWO_PI = 0.91893853320467274178


def log_tails(const double[::1] count, const double[::1] trials, const double[::1] first, const double[::1] second,
              double[::1] logs):
    """Fill in the logarithm of each count's tail: of as many or more where it is above its mean, else as many or fewer.

    The count itself counts half (the mid-probability). Terms below a hundred thousandth of their sum are left out.

    Args:
        count: k, 0 to n; it need not be whole.
        trials: n, above 0.
        first: First parameter of the beta distribution, above 0.
        second: Its second parameter, above 0.
        logs: Where to; all five have one length.
    """
    cdef Py_ssize_t i
    with nogil:
        for i in range(logs.shape[0]):
            logs[i] = log_tail(count[i], trials[i], first[i], second[i])


cdef double log_tail(double k, double n, double a, double b) noexcept nogil:
    cdef double at = log_ways(k, n, a) + log_gamma(n - k + b) - log_gamma(n + a + b) + log_gamma(a + b) - log_gamma(b)
    if k > n * a / (a + b):
        return at + log(upper_tail(k, n, a, b))
    return at + log(upper_tail(n - k, n, b, a))  # the lower tail is the upper tail of the other rows


cdef double log_ways(double k, double n, double a) noexcept nogil:
    """Return the logarithm of the binomial coefficient of n and k, times the gamma function at k + a over that at a."""
    cdef double above = 1.0, below = 1.0
    cdef int i
    if k <= FEW and k == <int>k:  # as nearly all counts: a product costs a tenth
        for i in range(<int>k):
            above *= (n - i) * (a + i)
            below *= i + 1.0
        return log(above / below)
    return log_gamma(n + 1.0) - log_gamma(k + 1.0) - log_gamma(n - k + 1.0) + log_gamma(k + a) - log_gamma(a)


cdef double upper_tail(double j, double n, double a, double b) noexcept nogil:
    """Return the upper tail from j on, relative to the probability of j."""
    cdef double total = 0.5, term = 1.0, left
    cdef int _
    for _ in range(MOST_TERMS):
        left = max(n - j, 0.0)
        term *= left * (j + a) / ((j + 1.0) * max(left - 1.0 + b, LEAST))
        total += term
        if term <= NEGLIGIBLE * total:
            break
        j += 1.0
    return total


cdef double log_gamma(double x) noexcept nogil:
    """Return the logarithm of the gamma function of x above 0, by Stirling's series: right to 1e-14 of it and of 1."""
    cdef double product = 1.0, inverse, square
    if not x > 0.0:
        return NAN
    while x < 9.0:
        product *= x
        x += 1.0
    inverse = 1.0 / x
    square = inverse * inverse
    inverse *= 1 / 12.0 - square * (1 / 360.0 - square * (1 / 1260.0 - square * (1 / 1680.0 - square / 1188.0)))
    return (x - 0.5) * log(x) - x + HALF_LOG_TWO_PI + inverse - (log(product) if product != 1.0 else 0.0)
