/* The equations of the plant, at the inputs of a time and with the networks of n in them. */

static int all_finite(const double *values, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++) sum += values[i] * 0.0;
    return sum == 0.0;
}

/* Puts the values of time tables in the place of inputs, by their phases. */
static void put_tables(const ah_model *m, double *u)
{
    for (int c = 0, at = 0; c < TABLES; at += table_phases[c] * table_inputs[c], c++) {
        const double *values = table_values + at + m->phase[2 * c] * table_inputs[c];
        for (int i = 0; i < table_inputs[c]; i++) u[table_input[table_first[c] + i]] = values[i];
    }
}

/* Inputs at a time: given ones along their slopes, those of time tables by their phases. */
static void inputs_at(const ah_model *m, double t, double *u)
{
    for (int i = 0; i < AH_INPUTS; i++) u[i] = m->u[i] + m->slope[i] * (t - m->time);
    put_tables(m, u);
}

/* A direction of the inputs; those that time tables give are held from phase to phase. */
static void input_slopes(const double *given, double *du)
{
    for (int i = 0; i < AH_INPUTS; i++) du[i] = given[i];
    for (int i = 0; i < TABLE_INPUTS; i++) du[table_input[i]] = 0.0;
}

static const double *masks_of(const ah_model *m)
{
    return masks + (m->member > 0 ? m->member - 1 : 0) * MASKS;
}

@NETWORKS@
static int model_rhs(ah_model *m, double t, const double *x, double *dx)
{
    double u[AH_INPUTS + 1], z[GIVEN + 1];
    inputs_at(m, t, u);
    given_by_n(m, t, x, u, z);
    eq_derivative(x, u, m->p, masks_of(m), &t, z, dx);
    return !all_finite(dx, AH_STATES);
}

static int model_outputs(ah_model *m, double t, const double *x, double *y)
{
    double u[AH_INPUTS + 1], z[GIVEN + 1];
    inputs_at(m, t, u);
    given_by_n(m, t, x, u, z);
    eq_outputs(x, u, m->p, masks_of(m), &t, z, y);
    return !all_finite(y, AH_OUTPUTS);
}

static int model_jacobian(ah_model *m, double t, const double *x, double *values)
{
    double u[AH_INPUTS + 1], z[GIVEN + 1], d[NETWORK_SLOPES + 1];
    inputs_at(m, t, u);
    slopes_of_n(m, t, x, u, z, d);
    eq_jacobian(x, u, m->p, masks_of(m), &t, z, d, values);
    return !all_finite(values, AH_JACOBIAN);
}

static int model_time_slope(ah_model *m, double t, const double *x, double *dft)
{
    double u[AH_INPUTS + 1], du[AH_INPUTS + 1], z[GIVEN + 1], dz[GIVEN + 1];
    inputs_at(m, t, u);
    input_slopes(m->slope, du);
    n_in_time(m, t, x, u, du, z, dz);
    eq_in_time(x, u, m->p, masks_of(m), &t, z, du, dz, dft);
    return !all_finite(dft, AH_STATES);
}

static int model_directional(ah_model *m, const double *dx, const double *du, const double *dp, double *ddx, double *dy)
{
    static const double zeros[AH_STATES + AH_INPUTS + AH_PARAMETERS + 1];
    double u[AH_INPUTS + 1], way[AH_INPUTS + 1], z[GIVEN + 1], dz[GIVEN + 1];
    const double t = m->time;
    if (dx == NULL) dx = zeros;
    if (dp == NULL) dp = zeros;
    inputs_at(m, t, u);
    input_slopes(du == NULL ? zeros : du, way);
    n_along(m, t, m->x, u, dx, way, dp, z, dz);
    if (ddx != NULL) eq_slope(m->x, u, m->p, masks_of(m), &t, z, dx, way, dp, dz, ddx);
    if (dy != NULL) eq_outputs_slope(m->x, u, m->p, masks_of(m), &t, z, dx, way, dp, dz, dy);
    return (ddx != NULL && !all_finite(ddx, AH_STATES)) || (dy != NULL && !all_finite(dy, AH_OUTPUTS));
}

@EVENTS@
static void model_start(ah_model *m)
{
    m->member = START_MEMBER;
    memcpy(m->x, start_state + m->member * AH_STATES, AH_STATES * sizeof(double));
    memcpy(m->u, start_input, AH_INPUTS * sizeof(double));
    memcpy(m->p, start_parameter, AH_PARAMETERS * sizeof(double));
}

/* Time tables begin with their first phase at time zero: which repetition, and which phase, at the model's time. */
static void model_phases(ah_model *m)
{
    for (int c = 0, at = 0; c < TABLES; at += table_phases[c], c++) {
        const double since = m->time + 1e-9, number = floor(since / table_length[c]);
        int phase = 0;
        while (phase < table_phases[c] - 1 && table_end[at + phase] <= since - number * table_length[c]) phase++;
        m->phase[2 * c] = phase;
        m->phase[2 * c + 1] = (int64_t)number;
    }
    put_tables(m, m->u);
}

static double table_next(const ah_model *m, int c, int at)
{
    return m->phase[2 * c + 1] * table_length[c] + table_end[at + m->phase[2 * c]];
}

static double model_next_time(const ah_model *m)
{
    double next = HUGE_VAL;
    for (int c = 0, at = 0; c < TABLES; at += table_phases[c], c++) {
        const double own = table_next(m, c, at);
        if (own < next) next = own;
    }
    return next;
}

static void model_pass_time(ah_model *m)
{
    for (int c = 0, at = 0; c < TABLES; at += table_phases[c], c++) {
        while (table_next(m, c, at) <= m->time) {
            if (++m->phase[2 * c] < table_phases[c]) continue;
            m->phase[2 * c] = 0;
            m->phase[2 * c + 1]++;
        }
    }
    put_tables(m, m->u);
}
