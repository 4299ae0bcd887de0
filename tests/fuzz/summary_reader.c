/* libFuzzer's target: summaries of one layout are read under sanitizers, and rows are counted.
 *
 * All memory is exactly as large as the layout asks for, so that a byte read or written outside it
 * ends the process; so do counts that do not add up in a summary that was called sound. Then the
 * bytes are taken for rows of float32, whatever they hold, and counted in blocks.
 */
#include "blocks.h"
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#define STREAMS 6
#define FEATURES 4
#define SCORE_BINS 4
#define COMOMENTS 9
#define BINS 22
#define MOST_BINS 4
#define PROJECTED 3

static const int32_t n_bins[STREAMS] = {4, 4, 4, 4, 3, 3};  /* tests/device_contract/sketches/strategies.py: WIDE */
static const double shares[BINS] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0};
static const double score_shares[SCORE_BINS] = {0.25, 0.25, 0, 0.5};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *room(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) abort();
    return memset(memory, 7, bytes);
}

static void hold_sum(const int64_t *counts, int32_t bins, double total) {
    double sum = 0.0;
    for (int32_t bin = 0; bin < bins; bin++) {
        if (counts[bin] < 0) abort();
        sum += (double)counts[bin];
    }
    if (sum != total) abort();
}

static void hold_sound(const leeway_room *read) {
    const double rows = read->window_numbers[LEEWAY_ROWS];
    for (int32_t i = 0; i < STREAMS; i++) {
        const double *numbers = read->stream_numbers + i * LEEWAY_STREAM_NUMBERS;
        hold_sum(read->counts + i * MOST_BINS, n_bins[i], rows - numbers[LEEWAY_MISSING] - numbers[LEEWAY_INFINITE]);
    }
}

static void read_summary(const uint8_t *data, size_t size, int with_latency) {
    const leeway_layout layout = {STREAMS, FEATURES, SCORE_BINS, COMOMENTS, n_bins, shares, score_shares};
    uint8_t *copy = room(size ? size : 1);
    leeway_room read = {room(STREAMS * MOST_BINS * sizeof(int64_t)), MOST_BINS,
                        room(STREAMS * LEEWAY_STREAM_NUMBERS * sizeof(double)),
                        room(LEEWAY_WINDOW_NUMBERS * sizeof(double)), room(SCORE_BINS * sizeof(int64_t)),
                        room(FEATURES * sizeof(double)), with_latency ? room(LEEWAY_BUCKETS * sizeof(int64_t)) : NULL,
                        room(COMOMENTS * sizeof(double))};
    size_t rest = 0;
    int32_t stream = 0;
    memcpy(copy, data, size);
    if (leeway_read_summary(&layout, copy, size, &read, &rest, &stream) == LEEWAY_SOUND) hold_sound(&read);
    if (rest > size) abort();
    free(read.counts), free(read.stream_numbers), free(read.window_numbers), free(read.score_counts);
    free(read.attributions), free(read.latency_counts), free(read.comoments), free(copy);
}

static void count_rows(const uint8_t *data, size_t size) {
    static const float edges[2] = {-1.0f, 1.0f}, scales[PROJECTED] = {4.0f, 1e30f, 1e-30f};
    static const float components[PROJECTED * LEEWAY_COMPONENTS] = {0.5f, 0.5f, 0, 0, 0, 0.5f, -0.5f};
    static const int32_t columns[PROJECTED] = {0, 1, 2};
    int64_t at_least[PROJECTED][2] = {{0}};
    double sums[PROJECTED] = {0}, products[PROJECTED * (PROJECTED + 1) / 2] = {0};
    float block[PROJECTED * LEEWAY_BLOCK_ROWS], standardised[PROJECTED * LEEWAY_BLOCK_ROWS];
    leeway_projection projection = {PROJECTED, columns, scales, components, {1.0f, 0.5f}, 0, 0, 0, 0, 0, 0,
                                    sums, products, standardised};
    leeway_stream streams[PROJECTED] = {{0}};
    for (size_t at = 0; at + sizeof block <= size; at += sizeof block) {
        memcpy(block, data + at, sizeof block);
        for (int32_t i = 0; i < PROJECTED; i++) {
            streams[i].edges = edges, streams[i].n_edges = 2, streams[i].at_least = at_least[i];
            leeway_count_column(&streams[i], block + i * LEEWAY_BLOCK_ROWS, LEEWAY_BLOCK_ROWS);
            if (at_least[i][1] > at_least[i][0] || at_least[i][0] > streams[i].finite) abort();
        }
        leeway_project_block(&projection, block);
    }
    if (!(projection.t2 >= 0.0 && projection.q >= 0.0 && projection.q_squares >= 0.0)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_summary(data, size, 0);
    read_summary(data, size, 1);
    count_rows(data, size);
    return 0;
}
