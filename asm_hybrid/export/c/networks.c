/* What the networks of n give at a state, and how that changes. */

static void read_by_n(const ah_model *m, double t, const double *x, const double *u, double *r)
{
    eq_reads(x, u, m->p, masks_of(m), &t, r);
}

static void given_by_n(const ah_model *m, double t, const double *x, const double *u, double *z)
{
    double r[READ];
    memset(z, 0, GIVEN * sizeof(double));
    if (m->member == 0) return;
    read_by_n(m, t, x, u, r);
    all_networks(m->member - 1, r, z);
}

static void slopes_of_n(const ah_model *m, double t, const double *x, const double *u, double *z, double *d)
{
    double r[READ];
    memset(z, 0, GIVEN * sizeof(double));
    memset(d, 0, NETWORK_SLOPES * sizeof(double));
    if (m->member == 0) return;
    read_by_n(m, t, x, u, r);
    all_network_slopes(m->member - 1, r, z, d);
}

static void n_in_time(const ah_model *m, double t, const double *x, const double *u, const double *du, double *z,
                      double *dz)
{
    double d[NETWORK_SLOPES], dr[READ];
    slopes_of_n(m, t, x, u, z, d);
    eq_reads_in_time(x, u, m->p, masks_of(m), &t, du, dr);
    through_networks(d, dr, dz);
}

static void n_along(const ah_model *m, double t, const double *x, const double *u, const double *dx, const double *du,
                    const double *dp, double *z, double *dz)
{
    double d[NETWORK_SLOPES], dr[READ];
    slopes_of_n(m, t, x, u, z, d);
    eq_reads_slope(x, u, m->p, masks_of(m), &t, dx, du, dp, dr);
    through_networks(d, dr, dz);
}
