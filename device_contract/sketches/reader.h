/* Reads an encoded summary (docs/formats/sketches.md) into flat arrays, without an allocation.
 *
 * Bytes are never trusted: a reader stops at the first that cannot be right, and says why. It
 * never reads past their end, nor writes past what the layout says there is room for.
 */
#ifndef LEEWAY_READER_H
#define LEEWAY_READER_H

#include <stddef.h>
#include <stdint.h>

#define LEEWAY_SUMMARY_VERSION 2
#define LEEWAY_BUCKETS 320  /* of latencies */

/* Why a summary is refused; from LEEWAY_BAD_FLAGS on it is a certain stream's fault. */
enum leeway_fault {
    LEEWAY_SOUND = 0,
    LEEWAY_ENDS_EARLY,
    LEEWAY_TOO_LONG,
    LEEWAY_BAD_INTEGER,
    LEEWAY_OTHER_VERSION,
    LEEWAY_OTHER_STREAMS,
    LEEWAY_BAD_LATENCY,
    LEEWAY_BAD_SCORES,
    LEEWAY_BAD_PARTS,
    LEEWAY_BAD_PROJECTION,
    LEEWAY_BAD_ATTRIBUTIONS,
    LEEWAY_BAD_COMOMENTS,
    LEEWAY_BAD_FLAGS,
    LEEWAY_BAD_SUM,
    LEEWAY_NEGATIVE_COUNT,
    LEEWAY_BAD_MOMENTS
};

/* What is told of a stream, and of a window, a number each. */
enum leeway_stream_number {
    LEEWAY_MISSING,
    LEEWAY_INFINITE,
    LEEWAY_OUT_OF_RANGE,
    LEEWAY_REPEATS,
    LEEWAY_LONGEST_RUN,
    LEEWAY_LAG_PAIRS,
    LEEWAY_OFFSET,  /* of the mean from the pivot */
    LEEWAY_VARIANCE,
    LEEWAY_LAG1_CORRELATION,
    LEEWAY_MINIMUM,
    LEEWAY_MAXIMUM,
    LEEWAY_STREAM_NUMBERS
};
enum leeway_window_number {
    LEEWAY_ROWS,
    LEEWAY_LATENCY_SUM_NS,
    LEEWAY_LATENCY_MAXIMUM_NS,
    LEEWAY_PROJECTED_ROWS,
    LEEWAY_T2,
    LEEWAY_T2_SQUARES,
    LEEWAY_Q,
    LEEWAY_Q_SQUARES,
    LEEWAY_EXPLAINED_ROWS,
    LEEWAY_CPU_NS,
    LEEWAY_PEAK_RSS_BYTES,
    LEEWAY_COMOMENT_ROWS,
    LEEWAY_WINDOW_NUMBERS
};

/* What a baseline says of the bytes. */
typedef struct {
    int32_t n_streams, n_features, n_score_bins, n_comoments;
    const int32_t *n_bins;        /* of each stream */
    const double *shares;         /* of the training rows, bin by bin, stream by stream */
    const double *score_shares;
} leeway_layout;

/* Where it goes; all of it is written. */
typedef struct {
    int64_t *counts;              /* (n_streams, stride), zeros behind a stream's bins */
    size_t stride;
    double *stream_numbers;       /* (n_streams, LEEWAY_STREAM_NUMBERS) */
    double *window_numbers;       /* (LEEWAY_WINDOW_NUMBERS,) */
    int64_t *score_counts;        /* (n_score_bins,) */
    double *attributions;         /* (n_features,) */
    int64_t *latency_counts;      /* (LEEWAY_BUCKETS,), or NULL */
    double *comoments;            /* (n_comoments,) */
} leeway_room;

/* Read a summary. What follows the part that is read here, the metrics, begins at `*rest`;
 * after a fault of a stream `*stream` is that stream. */
enum leeway_fault leeway_read_summary(const leeway_layout *layout, const uint8_t *data, size_t size,
                                      const leeway_room *room, size_t *rest, int32_t *stream);

#endif
