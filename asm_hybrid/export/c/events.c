/* Events: on/off controllers that switch, and phases that end by what is measured. */

static int model_events(ah_model *m, double t, const double *x, double *distances)
{
    double u[AH_INPUTS + 1], z[GIVEN + 1];
    inputs_at(m, t, u);
    given_by_n(m, t, x, u, z);
    eq_events(x, u, m->p, masks_of(m), &t, z, distances);
    return !all_finite(distances, AH_EVENTS);
}

static void model_after(ah_model *m, int event, double t, double *x)
{
    double u[AH_INPUTS + 1], z[GIVEN + 1], after[AH_STATES];
    inputs_at(m, t, u);
    given_by_n(m, t, x, u, z);
    switch (event) {
@CASES@    default: return;
    }
    memcpy(x, after, sizeof after);
}
