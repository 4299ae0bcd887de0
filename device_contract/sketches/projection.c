#include "blocks.h"

#include "vectors.h"

static const float LIMIT = 1000.0f;  /* device_contract.projection.Z_LIMIT */

/* Mark the rows in which every feature is finite. */
static int32_t find_complete(const leeway_projection *projection, const float *block, leeway_ints *complete) {
    leeway_ints count = {0};
    for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) {
        leeway_ints is_complete = ~(leeway_ints){0};
        for (int32_t i = 0; i < projection->n_features; i++) {
            const leeway_floats d = leeway_load(block + projection->columns[i] * LEEWAY_BLOCK_ROWS + row);
            is_complete &= d == d;
        }
        complete[row / 4] = is_complete;
        count += is_complete;
    }
    return leeway_times(count);
}

/* Standardise the complete rows, held to the limit; the others are zero, and add nothing. */
static void standardise(leeway_projection *projection, const float *block, const leeway_ints *complete) {
    for (int32_t i = 0; i < projection->n_features; i++) {
        const float *column = block + projection->columns[i] * LEEWAY_BLOCK_ROWS;
        float *standardised = projection->standardised + i * LEEWAY_BLOCK_ROWS;
        for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) {
            leeway_floats z = leeway_load(column + row) * projection->scales[i];
            z = leeway_select(z > LIMIT, leeway_four(LIMIT), z);
            z = leeway_select(z < -LIMIT, leeway_four(-LIMIT), z);
            leeway_store(standardised + row, (leeway_floats)((leeway_ints)z & complete[row / 4]));
        }
    }
}

/* T2 and Q of four rows. */
static void project(const leeway_projection *projection, int32_t row, leeway_floats *t2, leeway_floats *q) {
    leeway_floats length = {0}, scores[LEEWAY_COMPONENTS] = {{0}};
    for (int32_t i = 0; i < projection->n_features; i++) {
        const float *loadings = projection->components + i * LEEWAY_COMPONENTS;
        const leeway_floats z = leeway_load(projection->standardised + i * LEEWAY_BLOCK_ROWS + row);
        length += z * z;
        for (int32_t k = 0; k < LEEWAY_COMPONENTS; k++) scores[k] += z * loadings[k];
    }
    leeway_floats weighted = {0}, explained = {0};
    for (int32_t k = 0; k < LEEWAY_COMPONENTS; k++) {
        const leeway_floats square = scores[k] * scores[k];
        explained += square;
        weighted += square * projection->weights[k];
    }
    const leeway_floats rest = length - explained;
    *t2 = weighted;
    *q = leeway_select(rest > 0.0f, rest, (leeway_floats){0});
}

static void add_squares(double *sum, double *sum_squares, const leeway_floats *values) {
    leeway_doubles total = {0}, squares = {0};
    for (int32_t i = 0; i < LEEWAY_BLOCK_ROWS / 4; i++) {
        const leeway_doubles wide = __builtin_convertvector(values[i], leeway_doubles);
        total += wide;
        squares += wide * wide;
    }
    *sum += leeway_sum_doubles(&total);
    *sum_squares += leeway_sum_doubles(&squares);
}

static float dot(const float *a, const float *b) {
    leeway_floats even = {0}, odd = {0};
    for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 8) {
        even += leeway_load(a + row) * leeway_load(b + row);
        odd += leeway_load(a + row + 4) * leeway_load(b + row + 4);
    }
    return leeway_sum(even + odd);
}

static void add_comoments(leeway_projection *projection) {
    double *product = projection->products;
    for (int32_t i = 0; i < projection->n_features; i++) {
        const float *a = projection->standardised + i * LEEWAY_BLOCK_ROWS;
        leeway_floats sum = {0};
        for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) sum += leeway_load(a + row);
        projection->sums[i] += leeway_sum(sum);
        for (int32_t j = i; j < projection->n_features; j++)
            *product++ += dot(a, projection->standardised + j * LEEWAY_BLOCK_ROWS);
    }
}

void leeway_project_block(leeway_projection *projection, const float *block) {
    leeway_ints complete[LEEWAY_BLOCK_ROWS / 4];
    leeway_floats t2[LEEWAY_BLOCK_ROWS / 4], q[LEEWAY_BLOCK_ROWS / 4];
    const int32_t rows = find_complete(projection, block, complete);
    standardise(projection, block, complete);
    for (int32_t row = 0; row < LEEWAY_BLOCK_ROWS; row += 4) project(projection, row, &t2[row / 4], &q[row / 4]);
    add_squares(&projection->t2, &projection->t2_squares, t2);
    add_squares(&projection->q, &projection->q_squares, q);
    projection->rows += rows;
    if (!projection->products) return;
    projection->comoment_rows += rows;
    add_comoments(projection);
}
