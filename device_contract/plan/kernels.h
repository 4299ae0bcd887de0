/* Plans: models as data, executed in place.
 *
 * A plan is a little-endian file: a header, a list of operations, and the tables to which
 * they point (docs/formats/plan.md). An operation reads numbers from the row or from the
 * workspace, a flat array of values, and writes its results into the workspace.
 * leeway_plan_check() looks at every offset, count and index once; a plan that has passed
 * is executed without a further check. Nothing here allocates, keeps state, or needs more
 * than math.h, so the same files serve the agent and a microcontroller.
 *
 * C99, little-endian, IEEE 754. Build with -ffp-contract=off: a fused multiply-add
 * would round differently on each processor.
 */
#ifndef LEEWAY_KERNELS_H
#define LEEWAY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define LEEWAY_PLAN_MAGIC "LEEWAYPL"
#define LEEWAY_PLAN_VERSION 2u
#define LEEWAY_PLAN_ALIGNMENT 64u  /* of the tables, in bytes, from the start of the plan */
#define LEEWAY_PLAN_MAX_OPERATIONS 65536u
#define LEEWAY_PLAN_MAX_FEATURES 65535u
#define LEEWAY_PLAN_MAX_OUTPUTS 4096u
#define LEEWAY_PLAN_MAX_VALUES 1048576u
#define LEEWAY_OF_ROW 0x80000000u  /* in `input`: a column of the row, not a value of the workspace */

enum leeway_operation_kind {
    LEEWAY_LOAD = 1,             /* columns of the row, as they stand or by index */
    LEEWAY_REFUSE_MISSING = 2,   /* NaN in the input: every output of the row is NaN */
    LEEWAY_CONSTANT = 3,
    LEEWAY_GATHER = 4,           /* values by index */
    LEEWAY_MAP = 5,              /* a function of each value */
    LEEWAY_MAP_CONSTANT = 6,     /* a function of each value and a constant */
    LEEWAY_MAP_PAIR = 7,         /* a function of two values */
    LEEWAY_REDUCE = 8,
    LEEWAY_DOT = 9,              /* few outputs of many inputs: sixteen running sums */
    LEEWAY_DENSE = 10,           /* many outputs: a sum each, in the inputs' order */
    LEEWAY_TREES = 11,           /* nodes of 8 bytes: at most 65536 nodes a tree */
    LEEWAY_WIDE_TREES = 12,      /* nodes of 12 bytes */
    LEEWAY_FLOAT32 = 13,         /* values rounded to float32 and packed, for trees to compare */
    LEEWAY_BINARY_SIGMOID = 14,
    LEEWAY_SOFTMAX = 15,
    LEEWAY_SIGMOID_NORMALIZED = 16,

    LEEWAY_PIECEWISE = 20,       /* piecewise polynomials of each value */
    LEEWAY_WEIGHTED_MEDIAN = 21,

    LEEWAY_DISTANCE = 30,        /* to each of a table of points */
    LEEWAY_NEAREST = 31,         /* the smallest values and their positions */
    LEEWAY_SUM_ROWS = 32,        /* of a table, by position */
    LEEWAY_COUPLING = 33,        /* probabilities of pairs of classes to those of classes */

    LEEWAY_CONVOLUTION = 40,     /* over (channels, positions) */
    LEEWAY_PAD = 41,             /* a number before and after each channel */
    LEEWAY_POOL = 42,            /* the greatest or the sum of each window */
    LEEWAY_GRU = 43,
    LEEWAY_LSTM = 44,
    LEEWAY_RNN = 45,
    LEEWAY_CHOOSE = 46,          /* of two values, by a third */

    LEEWAY_DENSE_INT8 = 70,      /* dense, of weights of 8 bits */
    LEEWAY_DENSE_FLOAT16 = 71,   /* dense, of weights of 16 bits */
    LEEWAY_RANKED_TREES = 72     /* nodes of 4 bytes, over the ranks of the row's numbers */
};

/* Functions of LEEWAY_MAP (below 64), of LEEWAY_MAP_CONSTANT and LEEWAY_MAP_PAIR (64 and
 * above: x is the input, y the constant or the second input). */
enum leeway_function {
    LEEWAY_NEGATIVE = 1,
    LEEWAY_ABSOLUTE = 2,
    LEEWAY_SQUARE = 3,
    LEEWAY_SQUARE_ROOT = 4,
    LEEWAY_RECIPROCAL = 5,
    LEEWAY_EXPONENTIAL = 6,
    LEEWAY_LOGARITHM = 7,
    LEEWAY_LOGARITHM_1P = 8,     /* log(1 + x) */
    LEEWAY_SIGMOID = 9,
    LEEWAY_TANH = 10,
    LEEWAY_RELU = 11,
    LEEWAY_COSINE = 12,
    LEEWAY_SINE = 13,
    LEEWAY_FLOOR = 14,
    LEEWAY_SIGN = 15,
    LEEWAY_IS_MISSING = 16,      /* 1 for NaN, else 0 */
    LEEWAY_ERROR_FUNCTION = 17,
    LEEWAY_SOFTPLUS = 18,
    LEEWAY_CEILING = 19,
    LEEWAY_ROUND = 20,           /* to the nearest, ties to even */
    LEEWAY_TO_FLOAT32 = 21,      /* rounded to float32 */
    LEEWAY_NORMAL_QUANTILE = 22, /* of the standard normal distribution */
    LEEWAY_EXPONENTIAL_M1 = 23,  /* exp(x) - 1 */

    LEEWAY_ADD = 64,
    LEEWAY_SUBTRACT = 65,
    LEEWAY_MULTIPLY = 66,
    LEEWAY_DIVIDE = 67,
    LEEWAY_REVERSE_SUBTRACT = 68,  /* y - x */
    LEEWAY_REVERSE_DIVIDE = 69,    /* y / x */
    LEEWAY_MINIMUM = 70,           /* NaN stays NaN */
    LEEWAY_MAXIMUM = 71,
    LEEWAY_LESS_EQUAL = 72,        /* 1 or 0 */
    LEEWAY_LESS = 73,
    LEEWAY_EQUAL = 74,
    LEEWAY_GREATER = 75,
    LEEWAY_GREATER_EQUAL = 76,
    LEEWAY_REPLACE_MISSING = 77,   /* y where x is NaN */
    LEEWAY_POWER = 78              /* x to the y */
};

/* Of LEEWAY_REDUCE: the input is (outer, length, inner), the output (outer, inner). */
enum leeway_reduction {
    LEEWAY_SUM = 1,
    LEEWAY_MEAN = 2,
    LEEWAY_GREATEST = 3,
    LEEWAY_LEAST = 4,
    LEEWAY_SUM_OF_SQUARES = 5,
    LEEWAY_SUM_OF_ABSOLUTES = 6,
    LEEWAY_POSITION_OF_GREATEST = 7,  /* the first of equals */
    LEEWAY_POSITION_OF_LEAST = 8,
    LEEWAY_LOG_SUM_EXP = 9
};

/* Of LEEWAY_DISTANCE: sums over the coordinates, roots are functions of their own. */
enum leeway_distance {
    LEEWAY_SQUARED_EUCLIDEAN = 1,
    LEEWAY_MANHATTAN = 2,
    LEEWAY_CHEBYSHEV = 3,
    LEEWAY_MINKOWSKI = 4,        /* gaps to the power parameters[0] */
    LEEWAY_WEIGHTED_SQUARES = 5, /* each point has its own weights: tables[1] */
    LEEWAY_RADIAL_BASIS = 6      /* exp(-parameters[0] * squared distance) */
};
#define LEEWAY_TILE_POINTS 16u   /* of a distance's tables */

typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t n_features;
    uint32_t n_outputs;
    uint32_t n_operations;
    uint64_t size_bytes;
    uint32_t value_bytes;  /* 8: the workspace holds float64; 4: float32 */
    uint32_t n_values;     /* of the workspace, for one row */
    uint32_t output;       /* the first of the values that are the outputs */
    uint8_t reserved[20];
} leeway_plan_header;

/* What `sizes`, `parameters` and `tables` mean depends on the kind. Tables are offsets in
 * bytes from the start of the plan; 0 where a table is absent. */
typedef struct {
    uint32_t kind;
    uint32_t function;
    uint32_t input;
    uint32_t input_width;
    uint32_t second;
    uint32_t second_width;
    uint32_t output;
    uint32_t output_width;
    uint32_t sizes[8];
    double parameters[4];
    uint32_t tables[8];
} leeway_operation;

/* Trees: sizes = {values of a leaf, trees, nodes, rows of leaf values}, parameters =
 * {divisor}, tables = {base, trees, nodes, missing, leaf values, steps, expected}. */
enum { LEEWAY_LEAF_WIDTH = 0, LEEWAY_N_TREES = 1, LEEWAY_N_NODES = 2, LEEWAY_N_LEAVES = 3 };
enum {
    LEEWAY_TREES_BASE = 0,     /* double[output_width], added first */
    LEEWAY_TREES_TREES = 1,    /* leeway_tree[trees] */
    LEEWAY_TREES_NODES = 2,    /* leeway_node[nodes] or leeway_wide_node[nodes] */
    LEEWAY_TREES_MISSING = 3,  /* one bit a node: NaN goes to the first child; 0: there is no NaN */
    LEEWAY_TREES_LEAVES = 4,   /* double[rows of leaf values][values of a leaf] */
    LEEWAY_TREES_STEPS = 5,    /* float[nodes][values of a leaf], for explain.h; 0: none */
    LEEWAY_TREES_EXPECTED = 6  /* double[output_width], with the steps */
};

/* Weighted median: tables = {double[inputs]}, the inputs' weights. The least input at which
 * the weights of those up to it are half of all, equal ones in their order. */
#define LEEWAY_MAX_MEDIAN 4096u

/* Piecewise: sizes = {polynomials of each input, their degree, knots of all inputs}. Input i
 * has the knots starts[i] to starts[i + 1], ascending; interval j, after j of them, is number
 * starts[i] + i + j. Its polynomials are of the distance to its origin; NaN stays NaN. */
#define LEEWAY_MAX_DEGREE 15u
enum { LEEWAY_PIECEWISE_FUNCTIONS = 0, LEEWAY_PIECEWISE_DEGREE = 1, LEEWAY_PIECEWISE_KNOT_COUNT = 2 };
enum {
    LEEWAY_PIECEWISE_STARTS = 0,       /* uint32_t[inputs + 1] */
    LEEWAY_PIECEWISE_KNOTS = 1,        /* double[knots] */
    LEEWAY_PIECEWISE_ORIGINS = 2,      /* double[knots + inputs] */
    LEEWAY_PIECEWISE_COEFFICIENTS = 3  /* double[knots + inputs][polynomials][degree + 1], highest power first */
};

/* Dot and dense: tables = {weights, center, base}. The weights are (outputs, inputs) for a
 * dot, (inputs, outputs) for dense; the center (inputs), if any, is taken from the input first. */
enum {
    LEEWAY_LINEAR_WEIGHTS = 0,
    LEEWAY_LINEAR_CENTER = 1,
    LEEWAY_LINEAR_BASE = 2,
    LEEWAY_LINEAR_REFERENCE = 3  /* of a dot: double[inputs], the training rows' mean, for explain.h; 0: none */
};

/* Dense of 8 or 16 bits: base + scale * the sum of the products. A word of the weights, uint32_t
 * [inputs / P rounded up][outputs], holds those of P inputs, the first in the lowest bits: P = 4
 * codes of 8 bits with a sign, or 2 halves (IEEE 754's binary16; there is no NaN and no infinity). */
enum { LEEWAY_QUANTIZED_WEIGHTS = 0, LEEWAY_QUANTIZED_SCALE = 1, LEEWAY_QUANTIZED_BASE = 2 };

/* Convolution and pool: a window of `width` taps, `dilation` apart, moves by `stride` over the
 * positions of each channel. A convolution's parameters = {what a sum below it becomes}. Its
 * weights are (groups, filters of a group / 4 rounded up, channels of a group, width, 4), its
 * base (groups, filters of a group, filled up to a multiple of 4). */
#define LEEWAY_CHANNELS_AT_ONCE 4u
enum {
    LEEWAY_WINDOW_CHANNELS = 0,
    LEEWAY_WINDOW_LENGTH = 1,
    LEEWAY_WINDOW_WIDTH = 2,
    LEEWAY_WINDOW_STRIDE = 3,
    LEEWAY_WINDOW_DILATION = 4,
    LEEWAY_CONVOLUTION_GROUPS = 5
};
enum { LEEWAY_CONVOLUTION_WEIGHTS = 0, LEEWAY_CONVOLUTION_BASE = 1 };

/* Pad: parameters = {the number}. */
enum { LEEWAY_PAD_CHANNELS = 0, LEEWAY_PAD_LENGTH = 1, LEEWAY_PAD_BEFORE = 2, LEEWAY_PAD_AFTER = 3 };

/* GRU, LSTM and RNN (function: tanh or relu): the output is the states (steps, hidden), and
 * behind them what the operation works with. A table of weights is (outputs / 16 rounded up,
 * inputs, 16), its base (outputs, filled up to a multiple of 16); the outputs are the gates in
 * ONNX's order, and the candidate of a GRU apart. */
#define LEEWAY_OUTPUTS_AT_ONCE 16u
enum {
    LEEWAY_RECURRENT_STEPS = 0,
    LEEWAY_RECURRENT_INPUTS = 1,
    LEEWAY_RECURRENT_HIDDEN = 2,
    LEEWAY_RECURRENT_BACKWARD = 3,    /* not 0: from the last step to the first */
    LEEWAY_RECURRENT_RESET_AFTER = 4  /* not 0: a GRU's reset gate scales the projected state */
};
enum {
    LEEWAY_RECURRENT_INPUT_WEIGHTS = 0,
    LEEWAY_RECURRENT_INPUT_BASE = 1,
    LEEWAY_RECURRENT_WEIGHTS = 2,
    LEEWAY_RECURRENT_BASE = 3,
    LEEWAY_RECURRENT_CANDIDATE_WEIGHTS = 4,
    LEEWAY_RECURRENT_CANDIDATE_BASE = 5,
    LEEWAY_RECURRENT_INITIAL = 6,
    LEEWAY_RECURRENT_INITIAL_CELL = 7
};

typedef struct {
    uint32_t first_node;
    uint32_t n_nodes;
    uint32_t first_leaf;
    uint32_t output;     /* the leaf's values are added to outputs[output ...] */
} leeway_tree;

/* A node goes to `left` if row[feature] <= threshold, else to `left + 1`. Indices count
 * from the tree's first node; children come after their parent. A leaf points at itself,
 * and its threshold is a quiet NaN, so that the comparison never moves on; the low 22
 * bits of the NaN are the leaf's position after the tree's `first_leaf`. */
typedef struct {
    float threshold;
    uint16_t feature;
    uint16_t left;
} leeway_node;

typedef struct {
    float threshold;
    uint32_t feature;
    uint32_t left;
} leeway_wide_node;

/* Ranked trees: as trees; sizes[4] = thresholds of all features, and tables 5 and 6 are theirs. A
 * number's rank is how many of its feature's thresholds are below it, NaN's is LEEWAY_MAX_RANKS; a
 * node goes to `left` if it is at most the node's. The leaf values are float[][]; a leaf points at
 * itself, and is number feature + 256 * rank of its tree. */
#define LEEWAY_MAX_RANKED 256u  /* features */
#define LEEWAY_MAX_RANKS 255u   /* of a feature: one more than it may have thresholds */
enum { LEEWAY_N_THRESHOLDS = 4 };
enum {
    LEEWAY_RANKED_STARTS = 5,     /* uint32_t[inputs + 1]: where each feature's thresholds start */
    LEEWAY_RANKED_THRESHOLDS = 6  /* float[thresholds], ascending for each feature */
};

typedef struct {
    uint8_t feature;
    uint8_t rank;
    uint16_t left;
} leeway_ranked_node;

typedef enum {
    LEEWAY_PLAN_OK = 0,
    LEEWAY_PLAN_TRUNCATED,
    LEEWAY_PLAN_NOT_A_PLAN,
    LEEWAY_PLAN_UNKNOWN_VERSION,
    LEEWAY_PLAN_BAD_DIMENSIONS,
    LEEWAY_PLAN_UNKNOWN_OPERATION,
    LEEWAY_PLAN_BAD_OPERATION,
    LEEWAY_PLAN_BAD_TABLE,
    LEEWAY_PLAN_BAD_INDEX,
    LEEWAY_PLAN_BAD_TREE,
    LEEWAY_PLAN_BAD_NODE
} leeway_plan_status;

/* Check a plan of size_bytes at an address that is a multiple of 8. */
leeway_plan_status leeway_plan_check(const void *plan, size_t size_bytes);

/* Say in one line what a status means. */
const char *leeway_plan_status_text(leeway_plan_status status);

/* Size of the workspace for one row, and how it must be aligned: 64 bytes. */
size_t leeway_plan_workspace_bytes(const void *plan);

/* Score one row of n_features floats into n_outputs doubles. The plan must have passed
 * leeway_plan_check(). Safe from several threads, each with a workspace of its own; what
 * the workspace holds does not matter. */
void leeway_plan_score(const void *plan, const float *row, void *workspace, double *scores);

#ifndef LEEWAY_SINGLE_ROWS_ONLY
/* What batches need beside the plan: made once from a checked plan, then only read, by any
 * number of threads; 64-byte aligned. */
size_t leeway_plan_batch_tables_bytes(const void *plan);
void leeway_plan_make_batch_tables(const void *plan, void *tables);

/* Size of the workspace for rows in blocks. */
size_t leeway_plan_block_workspace_bytes(const void *plan);

/* Score n_rows rows, one after the other in memory; the same numbers to the last bit as
 * row by row. What the workspace holds does not matter. */
void leeway_plan_score_rows(const void *plan, const void *tables, const float *rows, size_t n_rows, void *workspace,
                            double *scores);

/* The kernels that the two functions above choose from, for who scores again and again; and what
 * explain.h chooses from, by its tables. */
typedef struct {
    const char *name;
    void (*score)(const void *plan, const float *row, void *workspace, double *scores);
    void (*score_rows)(const void *plan, const void *tables, const float *rows, size_t n_rows, void *workspace,
                       double *scores);
    void (*explain_trees)(const void *tables, const float *row, double *contributions);
    void (*explain_trees_rows)(const void *tables, const float *rows, size_t n_rows, void *workspace,
                               double *contributions);
} leeway_kernels;

/* The best for this processor. */
const leeway_kernels *leeway_best_kernels(void);

/* Level 0 is plain C; on x86-64, 1 is AVX2 and 2 AVX-512. NULL where this processor has none. */
const leeway_kernels *leeway_kernels_of(uint32_t level);
#endif

#endif
