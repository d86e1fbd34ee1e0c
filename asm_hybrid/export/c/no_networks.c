/* There is no n. */

static void given_by_n(const ah_model *m, double t, const double *x, const double *u, double *z)
{
    (void)m, (void)t, (void)x, (void)u;
    z[0] = 0.0;
}

static void slopes_of_n(const ah_model *m, double t, const double *x, const double *u, double *z, double *d)
{
    given_by_n(m, t, x, u, z);
    d[0] = 0.0;
}

static void n_in_time(const ah_model *m, double t, const double *x, const double *u, const double *du, double *z,
                      double *dz)
{
    (void)du;
    given_by_n(m, t, x, u, z);
    dz[0] = 0.0;
}

static void n_along(const ah_model *m, double t, const double *x, const double *u, const double *dx, const double *du,
                    const double *dp, double *z, double *dz)
{
    (void)dx, (void)du, (void)dp;
    given_by_n(m, t, x, u, z);
    dz[0] = 0.0;
}
