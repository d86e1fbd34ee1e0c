/* There are no events. */

static int model_events(ah_model *m, double t, const double *x, double *distances)
{
    (void)m, (void)t, (void)x, (void)distances;
    return 0;
}

static void model_after(ah_model *m, int event, double t, double *x)
{
    (void)m, (void)event, (void)t, (void)x;
}
