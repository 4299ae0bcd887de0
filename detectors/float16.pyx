# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Rounding to float16, and back, in one pass; numpy has a slow one."""

from libc.stdint cimport uint16_t

import numpy as np

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    static inline uint32_t bits_of(float value) {
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }

    static uint16_t half_of(float value) {
        const float largest = 65000.0f;
        float held = value > largest ? largest : value;
        held = held < -largest ? -largest : held;
        const uint32_t bits = bits_of(held), size = bits & 0x7fffffff, odd = size >> 13 & 1;
        float magnitude;
        memcpy(&magnitude, &size, sizeof magnitude);
        const uint32_t normal = (size - 0x38000000 + 0xfff + odd) >> 13;
        const uint32_t small = bits_of(magnitude + 0.5f) - 0x3f000000;  // around 0.5, values are 2^-24 apart too
        const uint32_t finite = size < 0x38800000 ? small : normal;
        return (uint16_t)((bits >> 16 & 0x8000) | (size > 0x7f800000 ? 0x7e00 : finite));
    }

    static void halve(const float *values, uint16_t *halves, size_t count) {
        for (size_t i = 0; i < count; i++) halves[i] = half_of(values[i]);
    }

    static float float_of(uint16_t half) {
        const uint32_t size = half & 0x7fff, sign = (uint32_t)(half & 0x8000) << 16;
        const uint32_t normal = (size << 13) + 0x38000000;  // the exponent counts from another place
        const uint32_t endless = normal + 0x38000000;
        const uint32_t shifted = normal + 0x00800000;  // around 2^-14, values are 2^-24 apart
        float small;
        memcpy(&small, &shifted, sizeof small);
        const uint32_t least = bits_of(small - 0x1p-14f);
        const uint32_t bits = sign | (size < 0x0400 ? least : size < 0x7c00 ? normal : endless);
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }

    static void widen(const uint16_t *halves, float *values, size_t count) {
        for (size_t i = 0; i < count; i++) values[i] = float_of(halves[i]);
    }
    """
    void halve(const float *values, uint16_t *halves, size_t count) noexcept nogil
    void widen(const uint16_t *halves, float *values, size_t count) noexcept nogil


def to_float16(values):
    """Return the nearest float16 of each value; what is too large ends at 65,000, and NaN stays.

    Args:
        values: Floats of any shape; such as are not float32 become so first.
    """
    given = np.ascontiguousarray(values, np.float32)
    halves = np.empty(given.shape, np.uint16)
    cdef const float[::1] source = given.reshape(-1)
    cdef uint16_t[::1] target = halves.reshape(-1)
    if given.size:
        halve(&source[0], &target[0], given.size)
    return halves.view(np.float16)


def from_float16(halves):
    """Return the same values as float32.

    Args:
        halves: Float16, of any shape.
    """
    given = np.ascontiguousarray(halves).view(np.uint16)
    values = np.empty(given.shape, np.float32)
    cdef const uint16_t[::1] source = given.reshape(-1)
    cdef float[::1] target = values.reshape(-1)
    if given.size:
        widen(&source[0], &target[0], given.size)
    return values
