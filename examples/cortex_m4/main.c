/* Score the rows that the compiler proved, and say whether the scores are right.
 *
 * Built with -DMODEL=NAME beside the files of leeway-compiler export-c, for this machine
 * or for a microcontroller. Prints each score's 64 bits; ends with 0 if all is well.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define QUOTE(name) #name
#define HEADER(model) QUOTE(model.h)
#define JOIN(model, rest) model##rest
#define OF(model, rest) JOIN(model, rest)

#include HEADER(MODEL)

#define ROWS OF(MODEL, _self_test_rows)
#define SCORES OF(MODEL, _self_test_scores)
#define N_ROWS (sizeof ROWS / sizeof ROWS[0])
#define N_OUTPUTS (sizeof SCORES[0] / sizeof SCORES[0][0])

static void print_bits(double score) {
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    printf(" %08" PRIx32 "%08" PRIx32, (uint32_t)(bits >> 32), (uint32_t)bits);
}

int main(void) {
    double scores[N_OUTPUTS];
    size_t row, k;
    int wrong_rows;
    for (row = 0; row < N_ROWS; row++) {
        OF(MODEL, _score)(ROWS[row], scores);
        printf("row %u:", (unsigned)row);
        for (k = 0; k < N_OUTPUTS; k++) print_bits(scores[k]);
        printf("\n");
    }
    wrong_rows = OF(MODEL, _self_test)();
    printf("self-test: %u rows, %d wrong\n", (unsigned)N_ROWS, wrong_rows);
    return wrong_rows != 0;
}
