/* What a model consists of. */

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for a step. Nothing in it outlives the step. */
struct ah_solver {
    double jacobian[AH_JACOBIAN], lu[AH_LU], reciprocal[AH_STATES];
    double k[ROSENBROCK_STAGES][AH_STATES];
    double f[AH_STATES], slope[AH_STATES], at[AH_STATES], right[AH_STATES];
    double found[AH_STATES], beyond[AH_STATES];
    double z[AH_EVENTS + 1];
};

struct ah_model {
    /* From here to `solver`: what ah_save keeps, all that later results depend on. */
    double time;
    double tolerance;
    double step;   /* step that the error allows next [d]; 0: not known yet */
    double error;  /* error of the last step over the tolerance; 0: of no use for the next */
    double x[AH_STATES], u[AH_INPUTS + 1], slope[AH_INPUTS + 1], p[AH_PARAMETERS + 1];
    int64_t phase[AH_CYCLES + 1]; /* where time tables are */
    int member, unused;

    struct ah_solver solver;
    char message[240];
    double before[]; /* what is kept, as it was before a call that may fail */
};

#define AH_KEPT offsetof(struct ah_model, solver)
