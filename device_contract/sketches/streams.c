#include "blocks.h"

#include <float.h>
#include <math.h>

#include "vectors.h"

/* Put NaN where a value is not finite; tell how many are NaN and how many infinite. */
static void clean(leeway_stream *stream, const float *column, int32_t n_rows, float *cleaned) {
    leeway_ints not_finite = {0}, not_numbers = {0};
    for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) {
        const leeway_floats x = leeway_load(column + row);
        const leeway_ints is_finite = (x <= FLT_MAX) & (x >= -FLT_MAX);
        not_finite += ~is_finite;
        not_numbers += x != x;
        leeway_store(cleaned + row, leeway_select(is_finite, x, leeway_four(NAN)));
    }
    const int32_t not_given = LEEWAY_BLOCK_ROWS - n_rows;
    stream->finite += LEEWAY_BLOCK_ROWS - leeway_times(not_finite);
    stream->missing += leeway_times(not_numbers) - not_given;
    stream->infinite += leeway_times(not_finite) - leeway_times(not_numbers);
}

/* Extremes, plausible range, and what equals the row before; `cleaned[-1]` is the row before. */
static int32_t compare(leeway_stream *stream, const float *cleaned) {
    leeway_floats minimum = leeway_four(stream->minimum), maximum = leeway_four(stream->maximum);
    leeway_ints outside = {0}, repeats = {0}, pairs = {0};
    for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) {
        const leeway_floats x = leeway_load(cleaned + row), before = leeway_load(cleaned + row - 1);
        minimum = leeway_select(x < minimum, x, minimum);
        maximum = leeway_select(x > maximum, x, maximum);
        outside += (x < stream->range_minimum) | (x > stream->range_maximum);
        repeats += x == before;
        pairs += (x == x) & (before == before);
    }
    for (int32_t lane = 0; lane < 4; lane++) {
        stream->minimum = minimum[lane] < stream->minimum ? minimum[lane] : stream->minimum;
        stream->maximum = maximum[lane] > stream->maximum ? maximum[lane] : stream->maximum;
    }
    stream->out_of_range += leeway_times(outside);
    stream->repeats += leeway_times(repeats);
    stream->lag_pairs += leeway_times(pairs);
    return leeway_times(repeats);
}

/* The longest run of one value; where nothing repeats, each value is a run of one row. */
static void follow_runs(leeway_stream *stream, const float *cleaned, int32_t n_rows, int32_t repeats) {
    int64_t run = stream->run, longest = stream->longest_run;
    for (int32_t row = repeats ? 0 : n_rows - 1; row < n_rows; row++) {
        const float x = cleaned[row];
        run = x != x ? 0 : x == cleaned[row - 1] ? run + 1 : 1;
        longest = run > longest ? run : longest;
    }
    stream->run = run;
    stream->longest_run = longest ? longest : stream->finite > 0;
}

/* The sums about the pivot; the column is left less its pivot. */
static void add_moments(leeway_stream *stream, const float *cleaned, float *column) {
    double distances[1 + LEEWAY_BLOCK_ROWS];
    leeway_doubles sum = {0}, squares = {0}, products = {0};
    distances[0] = stream->previous;
    for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) {
        const leeway_doubles d = __builtin_convertvector(leeway_load(cleaned + row), leeway_doubles) - stream->pivot;
        const leeway_doubles known = (leeway_doubles)((leeway_longs)d & (d == d));
        leeway_doubles before;
        leeway_store(column + row, __builtin_convertvector(d, leeway_floats));
        memcpy(distances + 1 + row, &known, sizeof known);
        memcpy(&before, distances + row, sizeof before);
        sum += known;
        squares += known * known;
        products += known * before;
    }
    stream->sum += leeway_sum_doubles(&sum);
    stream->sum_squares += leeway_sum_doubles(&squares);
    stream->lag_products += leeway_sum_doubles(&products);
}

void leeway_count_edges(const float *column, const float *edges, int32_t n_edges, int64_t *at_least) {
    for (int32_t edge = 0; edge < n_edges; edge++) {
        leeway_ints count = {0};
        for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) count += leeway_load(column + row) >= edges[edge];
        at_least[edge] += leeway_times(count);
    }
}

void leeway_count_column(leeway_stream *stream, float *column, int32_t n_rows) {
    float room[4 + LEEWAY_BLOCK_ROWS], *cleaned = room + 4;
    cleaned[-1] = stream->before;
    clean(stream, column, n_rows, cleaned);
    leeway_count_edges(cleaned, stream->edges, stream->n_edges, stream->at_least);
    follow_runs(stream, cleaned, n_rows, compare(stream, cleaned));
    add_moments(stream, cleaned, column);
    const float last = cleaned[n_rows - 1];
    stream->before = last;
    stream->previous = last == last ? (double)last - stream->pivot : 0.0;
}
