/* Vectors of four numbers, and sums of their parts in a fixed order. */
#ifndef LEEWAY_VECTORS_H
#define LEEWAY_VECTORS_H

#include <stdint.h>
#include <string.h>

typedef float leeway_floats __attribute__((vector_size(16)));
typedef int32_t leeway_ints __attribute__((vector_size(16)));
typedef double leeway_doubles __attribute__((vector_size(32)));
typedef int64_t leeway_longs __attribute__((vector_size(32)));

/* Four numbers that need not be aligned. */
static inline leeway_floats leeway_load(const float *from) {
    leeway_floats four;
    memcpy(&four, from, sizeof four);
    return four;
}

static inline void leeway_store(float *to, leeway_floats four) { memcpy(to, &four, sizeof four); }

static inline leeway_floats leeway_four(float value) { return (leeway_floats){value, value, value, value}; }

/* The first where the mask is set, else the second. */
static inline leeway_floats leeway_select(leeway_ints mask, leeway_floats first, leeway_floats second) {
    return (leeway_floats)((mask & (leeway_ints)first) | (~mask & (leeway_ints)second));
}

/* How often a mask was set, of counts that have gone down by one each time. */
static inline int32_t leeway_times(leeway_ints downwards) {
    return -(downwards[0] + downwards[1] + downwards[2] + downwards[3]);
}

static inline float leeway_sum(leeway_floats four) { return (four[0] + four[2]) + (four[1] + four[3]); }

/* By address: how so long a vector is handed over depends on the processor. */
static inline double leeway_sum_doubles(const leeway_doubles *four) {
    return ((*four)[0] + (*four)[2]) + ((*four)[1] + (*four)[3]);
}

#endif
