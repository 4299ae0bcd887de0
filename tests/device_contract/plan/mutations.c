/* Mutates a plan many times and executes whatever passes the check; built with sanitizers,
 * so that one byte read outside the plan ends the process. Usage: mutations SEED < PLAN */
#include "kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static uint64_t chance(void) { /* xorshift64 (Marsaglia 2003) */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void mutate(uint8_t *plan, size_t size) {
    static const uint32_t edges[] = {0, 1, 2, 0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu};
    size_t count = 1 + chance() % 3;
    while (count--) {
        const size_t width = (size_t)1 << chance() % 3;
        const uint32_t value = chance() % 2 ? edges[chance() % 7] : (uint32_t)chance();
        memcpy(plan + chance() % (size / width) * width, &value, width);
    }
}

static int execute(const uint8_t *plan) {
    const leeway_plan_header *header = (const leeway_plan_header *)plan;
    const float values[] = {0.0f, 1e30f, -INFINITY, NAN};
    float *row = malloc(header->n_features * sizeof *row);
    double *scores = malloc(header->n_outputs * sizeof *scores);
    size_t v, i;
    for (v = 0; v < 4; v++) {
        for (i = 0; i < header->n_features; i++) row[i] = values[v];
        leeway_plan_score(plan, row, scores);
    }
    free(row);
    free(scores);
    return 1;
}

int main(int argc, char **argv) {
    static uint8_t original[1 << 16];
    const size_t size = fread(original, 1, sizeof original, stdin);
    long sound = 0, round;
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    for (round = 0; round < 200000; round++) {
        const size_t kept = chance() % 20 ? size : chance() % size;
        uint8_t *plan = malloc(kept ? kept : 1); /* exactly as large as the plan: the sanitizer sees its end */
        memcpy(plan, original, kept);
        if (kept >= 4) mutate(plan, kept);
        if (leeway_plan_check(plan, kept) == LEEWAY_PLAN_OK) sound += execute(plan);
        free(plan);
    }
    printf("%ld\n", sound);
    return 0;
}
