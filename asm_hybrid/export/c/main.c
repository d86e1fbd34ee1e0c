/* Simulates a day of the plant @NAME@ from its start values, with inputs held, and prints some values every 15 minutes.
 *
 *     cc -std=c99 -O3 -o day main.c model.c -lm && ./day
 */
#include "model.h"

#include <stdio.h>

static const char *const labels[] = {@LABELS@};
static const int shown[] = {@SHOWN@}; /* states, and from AH_STATES on outputs */

enum { SHOWN = sizeof shown / sizeof shown[0], STEPS = 96 };

int main(void)
{
    double outputs[AH_OUTPUTS + 1];
    int step, k, failed = 0;
    ah_model *m = ah_new();
    if (m == NULL) {
        fprintf(stderr, "there is no memory\n");
        return 1;
    }
    printf("%10s", "day");
    for (k = 0; k < SHOWN; k++)
        printf("  %24s", labels[k]);
    printf("\n");
    for (step = 0; step <= STEPS && !failed; step++) {
        /* Here a program of yours writes ah_input(m)[...], and ah_input_slope(m)[...] where inputs move. */
        failed = ah_step(m, (double)step / STEPS) || ah_output(m, outputs);
        if (failed)
            break;
        printf("%10.5f", ah_time(m));
        for (k = 0; k < SHOWN; k++)
            printf("  %24.6g", shown[k] < AH_STATES ? ah_state(m)[shown[k]] : outputs[shown[k] - AH_STATES]);
        printf("\n");
    }
    if (failed)
        fprintf(stderr, "%s\n", ah_message(m));
    ah_free(m);
    return failed;
}
