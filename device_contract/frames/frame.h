/* Frames: from a stream of samples to rows of features, one row each `hop` samples.
 *
 * A frame is the last `length` samples of every channel. The first is complete after `length`
 * samples, each later one `hop` samples after the one before. Its row holds, channel by channel,
 * the chosen features in the order of the bits below, then the band powers, then the samples.
 *
 * A row depends on the samples of its frame only, to the last bit: a frame is cut into blocks of
 * `hop` samples from its own first sample on (the last one may be shorter), each block is summed
 * up by itself and once, and the blocks are combined in the order of time. Nothing runs on from
 * frame to frame, so nothing drifts.
 *
 * C99, no allocation, no library but sqrt: the same bits on every processor with IEEE 754 doubles,
 * if the compiler keeps to them (-ffp-contract=off).
 */
#ifndef LEEWAY_FRAME_H
#define LEEWAY_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
    LEEWAY_FRAME_MEAN = 1u << 0,
    LEEWAY_FRAME_STANDARD_DEVIATION = 1u << 1, /* of the population: divided by length */
    LEEWAY_FRAME_RMS = 1u << 2,
    LEEWAY_FRAME_MINIMUM = 1u << 3,
    LEEWAY_FRAME_MAXIMUM = 1u << 4,
    LEEWAY_FRAME_PEAK_TO_PEAK = 1u << 5,
    LEEWAY_FRAME_SKEWNESS = 1u << 6, /* biased; 0 of a constant */
    LEEWAY_FRAME_KURTOSIS = 1u << 7, /* excess, biased; 0 of a constant */
    LEEWAY_FRAME_CREST_FACTOR = 1u << 8, /* largest magnitude over RMS; 0 of zeros */
    LEEWAY_FRAME_ZERO_CROSSINGS = 1u << 9, /* neighbours of which one is below zero and one is not */
    LEEWAY_FRAME_SAMPLES = 1u << 10,
    LEEWAY_FRAME_STATISTICS = 10 /* features that are one number a channel */
};

/* The bins of a spectrum whose powers are added up: first <= bin < end. */
typedef struct {
    uint32_t first;
    uint32_t end;
} leeway_frame_band;

/* What to compute. length >= 2; every band lies within 0 to length / 2 + 1. */
typedef struct {
    uint32_t n_channels;
    uint32_t length;
    uint32_t hop;
    uint32_t features; /* bits */
    uint32_t n_bands;
    const leeway_frame_band *bands; /* kept, and read at each frame */
} leeway_frame;

/* What one block of samples of one channel comes to. */
typedef struct {
    double count;
    double mean;
    double second; /* sums of powers of the deviations from the mean */
    double third;
    double fourth;
    float minimum;
    float maximum;
    uint32_t crossings;
    uint8_t is_finite;
    uint8_t begins_below;
    uint8_t ends_below;
} leeway_block;

typedef struct {
    leeway_frame frame;
    uint32_t n_blocks; /* whole ones in a frame */
    uint32_t rest; /* samples of the frame after them */
    uint32_t transform; /* points of the fast Fourier transform */
    uint32_t place; /* of the next sample in each ring */
    uint32_t in_block; /* samples since the block began */
    uint32_t next_block; /* where the next whole block goes: the oldest */
    uint32_t blocks_held;
    float *rings; /* (n_channels, length) */
    leeway_block *blocks; /* (n_channels, n_blocks) */
    double *window; /* Hann, (length) */
    double window_power; /* length times the sum of its squares */
    double *real, *imaginary; /* (transform) */
    double *cosine, *sine; /* of i / transform turns, (transform / 2) */
    double *chirp_cosine, *chirp_sine; /* of i * i / (2 * length) turns, (length), if length is no power of 2 */
    double *filter_real, *filter_imaginary; /* (transform), the same */
} leeway_framer;

/* Return the numbers of a row. */
size_t leeway_frame_width(const leeway_frame *frame);

/* Return the bytes of memory that a framer needs beside itself. */
size_t leeway_framer_bytes(const leeway_frame *frame);

/* Make a framer in memory that is aligned for doubles. */
void leeway_framer_init(leeway_framer *framer, const leeway_frame *frame, void *memory);

/* Forget all samples. */
void leeway_framer_reset(leeway_framer *framer);

/* Take one sample of each channel.
 *
 * Returns 1 when it completes a frame, whose features are then in `row`; else 0. A channel of a
 * frame that holds a value that is not finite has NaN for every feature but its samples. */
int leeway_framer_push(leeway_framer *framer, const float *sample, float *row);

#endif
