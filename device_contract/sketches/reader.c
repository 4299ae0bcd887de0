#include "reader.h"

#include <math.h>
#include <string.h>

#define MAX_INTEGER ((uint64_t)1 << 53)
#define MAX_SHIFT 56

enum flags { MISSING = 1, INFINITE = 2, OUT_OF_RANGE = 4, BROKEN_PAIRS = 8, REPEATS = 16, ALL_FLAGS = 31 };
enum parts { PROJECTION = 1, ATTRIBUTIONS = 2, RESOURCES = 4, COMOMENTS = 8, METRICS = 16, ALL_PARTS = 31 };

typedef struct {
    const uint8_t *next, *end;
    enum leeway_fault fault;  /* the first; after it, zeros are read */
} cursor;

static void refuse(cursor *at, enum leeway_fault fault) {
    if (!at->fault) at->fault = fault;
    at->next = at->end;
}

static const uint8_t *take(cursor *at, size_t size) {
    static const uint8_t zeros[20];
    const uint8_t *taken = at->next;
    if ((size_t)(at->end - at->next) < size) {
        refuse(at, LEEWAY_ENDS_EARLY);
        return zeros;
    }
    at->next += size;
    return taken;
}

/* Unsigned LEB128, in as few bytes as it needs, at most MAX_INTEGER. */
static int64_t integer(cursor *at) {
    uint64_t value = 0;
    uint32_t shift = 0, byte;
    do {
        byte = *take(at, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte > 0x7f && shift < MAX_SHIFT);
    if (byte > 0x7f || value > MAX_INTEGER || (byte == 0 && shift > 7)) refuse(at, LEEWAY_BAD_INTEGER);
    return at->fault ? 0 : (int64_t)value;
}

static int64_t signed_integer(cursor *at) {
    const int64_t value = integer(at);
    return (value >> 1) ^ -(value & 1);
}

static double number(cursor *at) {
    float value;
    memcpy(&value, take(at, sizeof value), sizeof value);
    return value;
}

/* The upper three bytes of a float. */
static double short_number(cursor *at) {
    const uint8_t *bytes = take(at, 3);
    const uint32_t bits = (uint32_t)bytes[0] << 8 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double fraction(cursor *at, double of) {
    const uint8_t *bytes = take(at, 2);
    return (double)(int16_t)(bytes[0] | bytes[1] << 8) / of;
}

/* Counts as distances from what training makes one expect; the last follows from the others. */
static void read_counts(cursor *at, const double *shares, int32_t n_bins, int64_t total, int64_t *counts) {
    int64_t left = total;
    int32_t is_sound = 1;
    for (int32_t bin = 0; bin < n_bins - 1; bin++) {
        counts[bin] = (int64_t)((double)total * shares[bin]) + signed_integer(at);
        is_sound &= (counts[bin] >= 0) & (counts[bin] <= left);
        left -= is_sound ? counts[bin] : 0;
    }
    counts[n_bins - 1] = left;
    if (!is_sound) refuse(at, LEEWAY_NEGATIVE_COUNT);
}

static void read_moments(cursor *at, double *numbers) {
    const double offset = short_number(at), deviation = short_number(at), correlation = fraction(at, 32767.0);
    const double minimum = number(at), maximum = number(at);
    const int are_finite = isfinite(offset) && isfinite(deviation) && isfinite(minimum) && isfinite(maximum);
    if (!(are_finite && deviation >= 0.0 && correlation >= -1.0 && minimum <= maximum)) refuse(at, LEEWAY_BAD_MOMENTS);
    numbers[LEEWAY_OFFSET] = offset;
    numbers[LEEWAY_VARIANCE] = deviation * deviation;
    numbers[LEEWAY_LAG1_CORRELATION] = correlation;
    numbers[LEEWAY_MINIMUM] = minimum;
    numbers[LEEWAY_MAXIMUM] = maximum;
}

static void read_stream(cursor *at, const double *shares, int32_t n_bins, int64_t rows, int64_t *counts, double *numbers) {
    const uint32_t flags = *take(at, 1);
    const int64_t missing = flags & MISSING ? integer(at) : 0, infinite = flags & INFINITE ? integer(at) : 0;
    const int64_t out_of_range = flags & OUT_OF_RANGE ? integer(at) : 0;
    const int64_t broken = flags & BROKEN_PAIRS ? integer(at) : 0;
    const int64_t repeats = flags & REPEATS ? integer(at) : 0;
    const int64_t finite = rows - missing - infinite;
    const int64_t longest = flags & REPEATS ? integer(at) : finite > 0;
    if (flags > ALL_FLAGS) refuse(at, LEEWAY_BAD_FLAGS);
    if (finite < 0 || out_of_range > finite || broken > finite || repeats > finite || longest < (finite > 0))
        refuse(at, LEEWAY_BAD_SUM);
    if (at->fault) return;
    numbers[LEEWAY_MISSING] = (double)missing;
    numbers[LEEWAY_INFINITE] = (double)infinite;
    numbers[LEEWAY_OUT_OF_RANGE] = (double)out_of_range;
    numbers[LEEWAY_REPEATS] = (double)repeats;
    numbers[LEEWAY_LONGEST_RUN] = (double)longest;
    numbers[LEEWAY_LAG_PAIRS] = (double)(finite - broken);
    numbers[LEEWAY_MINIMUM] = INFINITY;
    numbers[LEEWAY_MAXIMUM] = -INFINITY;
    if (!finite) return;
    read_counts(at, shares, n_bins, finite, counts);
    read_moments(at, numbers);
}

/* Counts bucket by bucket; behind a 0 follows how many buckets in a row are empty. */
static void read_latency(cursor *at, double *numbers, int64_t *counts) {
    int64_t bucket = 0;
    numbers[LEEWAY_LATENCY_SUM_NS] = (double)integer(at);
    numbers[LEEWAY_LATENCY_MAXIMUM_NS] = (double)integer(at);
    for (int64_t written = integer(at); written > 0 && !at->fault; written--) {
        const int64_t count = integer(at), empty = count ? 0 : integer(at);
        if (bucket + empty >= LEEWAY_BUCKETS || (!count && !empty)) {
            refuse(at, LEEWAY_BAD_LATENCY);
            return;
        }
        if (counts && count) counts[bucket] = count;
        bucket += count ? 1 : empty;
    }
}

static void read_scores(cursor *at, const leeway_layout *layout, int64_t rows, int64_t *counts) {
    if (!layout->n_score_bins || !rows) return;
    const int64_t scored = rows - integer(at);
    if (scored < 0) refuse(at, LEEWAY_BAD_SCORES);
    if (scored > 0) read_counts(at, layout->score_shares, layout->n_score_bins, scored, counts);
    if (at->fault == LEEWAY_NEGATIVE_COUNT) at->fault = LEEWAY_BAD_SCORES;
}

/* Mean and deviation, to the sums of values and squares. */
static int read_sums(cursor *at, double rows, double *sum, double *sum_squares) {
    const double mean = number(at), deviation = number(at);
    *sum = rows * mean;
    *sum_squares = rows * (deviation * deviation + mean * mean);
    return isfinite(mean) && isfinite(deviation) && mean >= 0.0 && deviation >= 0.0;
}

static void read_projection(cursor *at, int64_t rows, double *numbers) {
    const int64_t projected = rows - integer(at);
    int is_sound = projected >= 0;
    numbers[LEEWAY_PROJECTED_ROWS] = (double)projected;
    is_sound &= read_sums(at, (double)projected, &numbers[LEEWAY_T2], &numbers[LEEWAY_T2_SQUARES]);
    is_sound &= read_sums(at, (double)projected, &numbers[LEEWAY_Q], &numbers[LEEWAY_Q_SQUARES]);
    if (!is_sound) refuse(at, LEEWAY_BAD_PROJECTION);
}

/* The greatest mean, and of each feature how much of it. */
static void read_attributions(cursor *at, int32_t n_features, double *numbers, double *sums) {
    const int64_t rows = integer(at);
    const double greatest = number(at);
    if (rows == 0 || !isfinite(greatest) || greatest < 0.0) refuse(at, LEEWAY_BAD_ATTRIBUTIONS);
    numbers[LEEWAY_EXPLAINED_ROWS] = (double)rows;
    for (int32_t i = 0; i < n_features && !at->fault; i++) {
        const uint8_t *bytes = take(at, 2);
        sums[i] = (double)rows * (greatest * ((bytes[0] | bytes[1] << 8) / 65535.0));
    }
}

static void read_comoments(cursor *at, int32_t n_comoments, double *numbers, double *comoments) {
    const int64_t rows = integer(at);
    int is_sound = rows > 0 && n_comoments;
    numbers[LEEWAY_COMOMENT_ROWS] = (double)rows;
    for (int32_t i = 0; i < n_comoments; i++) {
        const double sum = number(at);
        is_sound &= isfinite(sum) != 0;
        comoments[i] = sum;
    }
    if (!is_sound) refuse(at, LEEWAY_BAD_COMOMENTS);
}

static void read_parts(cursor *at, const leeway_layout *layout, int64_t rows, const leeway_room *room) {
    const uint32_t parts = *take(at, 1);
    if (parts > ALL_PARTS) refuse(at, LEEWAY_BAD_PARTS);
    if (parts & PROJECTION) read_projection(at, rows, room->window_numbers);
    if (parts & ATTRIBUTIONS) read_attributions(at, layout->n_features, room->window_numbers, room->attributions);
    if (parts & RESOURCES) {
        room->window_numbers[LEEWAY_CPU_NS] = (double)integer(at);
        room->window_numbers[LEEWAY_PEAK_RSS_BYTES] = (double)integer(at);
    }
    if (parts & COMOMENTS) read_comoments(at, layout->n_comoments, room->window_numbers, room->comoments);
    if (!(parts & METRICS) && at->next != at->end) refuse(at, LEEWAY_TOO_LONG);
    if (parts & METRICS && at->next == at->end) refuse(at, LEEWAY_ENDS_EARLY);
}

static void clear(const leeway_layout *layout, const leeway_room *room) {
    const size_t n_streams = (size_t)layout->n_streams;
    memset(room->counts, 0, n_streams * room->stride * sizeof(int64_t));
    memset(room->stream_numbers, 0, n_streams * LEEWAY_STREAM_NUMBERS * sizeof(double));
    memset(room->window_numbers, 0, LEEWAY_WINDOW_NUMBERS * sizeof(double));
    memset(room->attributions, 0, (size_t)layout->n_features * sizeof(double));
    if (layout->n_score_bins) memset(room->score_counts, 0, (size_t)layout->n_score_bins * sizeof(int64_t));
    if (room->latency_counts) memset(room->latency_counts, 0, LEEWAY_BUCKETS * sizeof(int64_t));
    memset(room->comoments, 0, (size_t)layout->n_comoments * sizeof(double));
}

enum leeway_fault leeway_read_summary(const leeway_layout *layout, const uint8_t *data, size_t size,
                                      const leeway_room *room, size_t *rest, int32_t *stream) {
    cursor at = {data, data + size, LEEWAY_SOUND};
    const double *shares = layout->shares;
    clear(layout, room);
    if (*take(&at, 1) != LEEWAY_SUMMARY_VERSION) refuse(&at, LEEWAY_OTHER_VERSION);
    const int64_t rows = integer(&at), n_streams = integer(&at);
    if (!at.fault && n_streams != layout->n_streams) refuse(&at, LEEWAY_OTHER_STREAMS);
    room->window_numbers[LEEWAY_ROWS] = (double)rows;
    for (*stream = 0; *stream < layout->n_streams && !at.fault; ++*stream) {
        const int32_t n_bins = layout->n_bins[*stream];
        read_stream(&at, shares, n_bins, rows, room->counts + *stream * room->stride,
                    room->stream_numbers + *stream * LEEWAY_STREAM_NUMBERS);
        shares += n_bins;
        if (at.fault) return at.fault;
    }
    read_latency(&at, room->window_numbers, room->latency_counts);
    read_scores(&at, layout, rows, room->score_counts);
    read_parts(&at, layout, rows, room);
    *rest = (size_t)(at.next - data);
    return at.fault;
}
