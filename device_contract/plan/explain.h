/* Contributions: how much of a row's raw scores is due to each feature.
 *
 * For a plan whose row goes to one matrix or one ensemble of trees. For a matrix the
 * contribution of a feature is its weight times its distance from the training rows' mean:
 * exact. For trees it is the sum, over the row's paths, of the steps between the mean scores
 * of the nodes (Saabas 2014); the mean scores are those of the training rows that reached
 * the node. Contributions and the expected scores add up to the raw scores, which are what
 * the matrix or the trees give, before any link.
 */
#ifndef LEEWAY_EXPLAIN_H
#define LEEWAY_EXPLAIN_H

#include "kernels.h"

/* Raw scores that the plan can explain; 0 where it cannot. The plan must have passed
 * leeway_plan_check(). */
uint32_t leeway_plan_explained_scores(const void *plan);

/* What makes explaining trees fast: made once from a checked plan, then only read, by any number of
 * threads; 64-byte aligned. 0 bytes where there is nothing to make: a matrix, or trees that are very
 * deep or very many. Both functions work in a scratch that may then be given back. */
size_t leeway_plan_explain_scratch_bytes(const void *plan);
size_t leeway_plan_explain_tables_bytes(const void *plan, void *scratch);
void leeway_plan_make_explain_tables(const void *plan, void *scratch, void *tables);

/* Write contributions (n_features + 1, explained scores): a line for each feature, the last
 * for the expected scores. `tables` may be NULL: the steps are then added one by one, in float64, and
 * differ by float32's rounding, or by that of counts (lines.inc). */
void leeway_plan_explain(const leeway_kernels *kernels, const void *plan, const void *tables, const float *row,
                         double *contributions);

/* The same numbers of n_rows rows, one after the other in memory; in a workspace of its own, 64-byte
 * aligned, of as many bytes as the second function says; what it holds does not matter. */
void leeway_plan_explain_rows(const leeway_kernels *kernels, const void *plan, const void *tables, const float *rows,
                              size_t n_rows, void *workspace, double *contributions);
size_t leeway_plan_explain_workspace_bytes(const void *tables);

#endif
