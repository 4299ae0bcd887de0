/* Statistics of a block of rows: the inner loops of the device's summarizer.
 *
 * Rows gather column by column, LEEWAY_BLOCK_ROWS of them, and are then counted a column at a
 * time, so that vectors run along the rows and what a stream needs is read once a block. Every
 * sum has a fixed number of running sums, added up in a fixed order, whatever the processor:
 * the same rows give the same bits everywhere. Rows that are missing at the end of a block are
 * NaN. Nothing here allocates. Build with -ffp-contract=off.
 */
#ifndef LEEWAY_BLOCKS_H
#define LEEWAY_BLOCKS_H

#include <stdint.h>

#define LEEWAY_BLOCK_ROWS 64
#define LEEWAY_COMPONENTS 5  /* of a projection; fewer are filled up with zeros */

typedef struct {
    double pivot;
    double sum, sum_squares, lag_products;
    double previous;  /* the row before, less the pivot; 0 if it was not finite */
    int64_t finite, missing, infinite, out_of_range, lag_pairs, repeats, longest_run;
    int64_t run;      /* rows up to the row before that had its value; 0 if it was not finite */
    float before;     /* the value of the row before; NaN if it was not finite */
    float minimum, maximum, range_minimum, range_maximum;
    int32_t n_edges;
    const float *edges;  /* ascending */
    int64_t *at_least;   /* for each edge: finite values that do not lie below it */
} leeway_stream;

typedef struct {
    int32_t n_features;
    const int32_t *columns;       /* of the block, (n_features,) */
    const float *scales;          /* one through the standard deviation, (n_features,) */
    const float *components;      /* (n_features, LEEWAY_COMPONENTS) */
    float weights[LEEWAY_COMPONENTS];  /* one through the eigenvalue */
    int64_t rows;
    double t2, t2_squares, q, q_squares;
    int64_t comoment_rows;
    double *sums;                 /* of standardised values, (n_features,); NULL for no co-moments */
    double *products;             /* of pairs i <= j, row by row */
    float *standardised;          /* of the block, (n_features, LEEWAY_BLOCK_ROWS) */
} leeway_projection;

/* Count a column of a block, and leave in it the values less the pivot, NaN where not finite. */
void leeway_count_column(leeway_stream *stream, float *column, int32_t n_rows);

/* For each edge, add the values of a column that do not lie below it. */
void leeway_count_edges(const float *column, const float *edges, int32_t n_edges, int64_t *at_least);

/* Add T2, Q and the co-moments of a block whose columns have been counted. */
void leeway_project_block(leeway_projection *projection, const float *block);

#endif
