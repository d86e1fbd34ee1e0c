/* The stiff solver: a Rosenbrock method with the exact Jacobian, error control, and events.
 *
 * Method: E. Hairer, G. Wanner (1996), Solving Ordinary Differential Equations II, second edition, Springer, section
 * IV.7, in the form without matrix products; coefficients as in the tables above. Matrices are divided by with a sparse
 * LU factorisation, the pattern and order of which are known beforehand; pivots stay on the diagonal.
 */

enum {
    SOLVER_STEPS = 20000, /* steps, tried or taken, in one call, and as many for every day of it */
    SOLVER_SWITCHES = 50  /* events at one time */
};

static const double solver_absolute = 1e-3; /* states below this share of their nominal value count as this large */
static const double solver_safety = 0.9, solver_least = 0.2, solver_most = 6.0; /* change from step to step */
static const double solver_latest = 1e12; /* time, ahead or past [d]; beyond it a phase of a time table is less than its rounding */
static const double solver_pivot = 1e-10; /* least pivot over the entry that it comes from */

static int solver_fail(ah_model *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(m->message, sizeof m->message, format, arguments);
    va_end(arguments);
    return 1;
}

static int solver_not_finite(const double *values, int count)
{
    int i;
    for (i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return i + 1;
    return 0;
}

/* Refuses values that are not finite. */
static int solver_check_values(ah_model *m, const char *what, const double *values, int count, const char *const *names)
{
    const int i = solver_not_finite(values, count);
    return i == 0 ? 0 : solver_fail(m, "%s %s is not a finite number at %.9g d", what, names[i - 1], m->time);
}

/* Refuses a state, inputs or parameters that are not finite. */
static int solver_check(ah_model *m)
{
    if (!(fabs(m->time) <= solver_latest))
        return solver_fail(m, "the time is %.9g d, and not a number from %.0e to %.0e", m->time, -solver_latest, solver_latest);
    return solver_check_values(m, "the state", m->x, AH_STATES, state_names) ||
           solver_check_values(m, "the input", m->u, AH_INPUTS, input_names) ||
           solver_check_values(m, "the slope of the input", m->slope, AH_INPUTS, input_names) ||
           solver_check_values(m, "the parameter", m->p, AH_PARAMETERS, parameter_names);
}

static int solver_fail_rate(ah_model *m, const double *dx)
{
    if (!solver_check_values(m, "the rate of change of", dx, AH_STATES, state_names))
        return solver_fail(m, "a rate of change is not a finite number at %.9g d", m->time);
    return 1;
}

/* Factorises shift I - J, row by row; nonzero where a pivot is next to nothing, or not finite. */
static int solver_factorise(struct ah_solver *s, double shift)
{
    double row[AH_STATES]; /* one row, spread out: only entries of the pattern are set and read */
    int i, k, j;
    for (i = 0; i < AH_STATES; i++) {
        const int first = lu_row[i], diagonal = lu_diag[i], last = lu_row[i + 1];
        double pivot, entry;
        for (k = first; k < last; k++)
            row[lu_col[k]] = lu_from[k] < 0 ? 0.0 : -s->jacobian[lu_from[k]];
        entry = fabs(row[i]) + shift;
        row[i] += shift;
        for (k = first; k < diagonal; k++) {
            const int pivot_row = lu_col[k];
            const double factor = row[pivot_row] * s->reciprocal[pivot_row];
            const int end = lu_row[pivot_row + 1];
            s->lu[k] = factor;
            for (j = lu_diag[pivot_row] + 1; j < end; j++)
                row[lu_col[j]] -= factor * s->lu[j];
        }
        pivot = row[i];
        if (!(fabs(pivot) > solver_pivot * entry) || !isfinite(pivot))
            return 1;
        s->reciprocal[i] = 1.0 / pivot;
        for (k = diagonal; k < last; k++)
            s->lu[k] = row[lu_col[k]];
    }
    return 0;
}

/* Divides `right` by the factorised matrix. */
static void solver_divide(const struct ah_solver *s, const double *right, double *found)
{
    double y[AH_STATES];
    int i, k;
    for (i = 0; i < AH_STATES; i++) {
        double sum = right[lu_order[i]];
        for (k = lu_row[i]; k < lu_diag[i]; k++)
            sum -= s->lu[k] * y[lu_col[k]];
        y[i] = sum;
    }
    for (i = AH_STATES - 1; i >= 0; i--) {
        double sum = y[i];
        for (k = lu_diag[i] + 1; k < lu_row[i + 1]; k++)
            sum -= s->lu[k] * y[lu_col[k]];
        y[i] = sum * s->reciprocal[i];
        found[lu_order[i]] = y[i];
    }
}

static void solver_add(double *to, const double *weights, double factor, double (*k)[AH_STATES], int count)
{
    int i, j;
    for (j = 0; j < count; j++) {
        const double weight = factor * weights[j];
        const double *from = k[j];
        if (weight != 0.0)
            for (i = 0; i < AH_STATES; i++)
                to[i] += weight * from[i];
    }
}

/* Whether f has a slope in time: it reads the time, or an input moves. */
static int solver_moves(const ah_model *m)
{
    int i;
    if (AH_READS_TIME)
        return 1;
    for (i = 0; i < AH_INPUTS; i++)
        if (m->slope[i] != 0.0)
            return 1;
    return 0;
}

/* Takes a step of length h from the present state into `found`, once f, Jacobian and slope are there. Nonzero where it
 * has no result. */
static int solver_try(ah_model *m, double h)
{
    struct ah_solver *s = &m->solver;
    const int moves = solver_moves(m);
    int stage, i;
    if (solver_factorise(s, 1.0 / (rosenbrock_gamma * h)))
        return 1;
    for (stage = 0; stage < ROSENBROCK_STAGES; stage++) {
        if (stage == 0) {
            memcpy(s->right, s->f, sizeof s->right);
        } else {
            memcpy(s->at, m->x, sizeof s->at);
            solver_add(s->at, rosenbrock_a + stage * ROSENBROCK_STAGES, 1.0, s->k, stage);
            if (model_rhs(m, m->time + rosenbrock_alpha[stage] * h, s->at, s->right))
                return 1;
            solver_add(s->right, rosenbrock_c + stage * ROSENBROCK_STAGES, 1.0 / h, s->k, stage);
        }
        if (moves && rosenbrock_d[stage] != 0.0)
            for (i = 0; i < AH_STATES; i++)
                s->right[i] += h * rosenbrock_d[stage] * s->slope[i];
        solver_divide(s, s->right, s->k[stage]);
    }
    memcpy(s->found, m->x, sizeof s->found);
    solver_add(s->found, rosenbrock_m, 1.0, s->k, ROSENBROCK_STAGES);
    return solver_not_finite(s->found, AH_STATES);
}

static double solver_size(const ah_model *m, int i, double x)
{
    return m->tolerance * (fabs(x) + solver_absolute * nominal[i]);
}

/* Error of the step just tried, over the tolerance. */
static double solver_error(ah_model *m)
{
    struct ah_solver *s = &m->solver;
    double sum = 0.0;
    int i;
    memset(s->at, 0, sizeof s->at);
    solver_add(s->at, rosenbrock_e, 1.0, s->k, ROSENBROCK_STAGES);
    for (i = 0; i < AH_STATES; i++) {
        const double larger = fabs(m->x[i]) > fabs(s->found[i]) ? m->x[i] : s->found[i];
        const double error = s->at[i] / solver_size(m, i, larger);
        sum += error * error;
    }
    return sqrt(sum / AH_STATES);
}

/* Step to begin with: one in which the state changes by about a hundredth of its size. */
static double solver_first_step(const ah_model *m, double rest)
{
    double level = 0.0, change = 0.0, h;
    int i;
    for (i = 0; i < AH_STATES; i++) {
        const double size = solver_size(m, i, m->x[i]);
        level += (m->x[i] / size) * (m->x[i] / size);
        change += (m->solver.f[i] / size) * (m->solver.f[i] / size);
    }
    h = change > 0.0 ? 0.01 * sqrt(level / change) : rest;
    if (!(h > 1e-6 * rest))
        h = 1e-6 * rest;
    return h < rest ? h : rest;
}

/* Works out f, its Jacobian and its slope in time at the present state. */
static int solver_begin(ah_model *m)
{
    struct ah_solver *s = &m->solver;
    if (model_rhs(m, m->time, m->x, s->f))
        return solver_fail_rate(m, s->f);
    if (model_jacobian(m, m->time, m->x, s->jacobian))
        return solver_fail(m, "the Jacobian is not finite at %.9g d", m->time);
    if (solver_moves(m) && model_time_slope(m, m->time, m->x, s->slope))
        return solver_fail(m, "the slope of a rate of change in time is not finite at %.9g d", m->time);
    return 0;
}

/* Time and inputs go on by h. */
static void solver_pass(ah_model *m, double h, double end)
{
    int i;
    for (i = 0; i < AH_INPUTS; i++)
        m->u[i] += m->slope[i] * h;
    m->time = end;
}

/* Least distance of an event after the step just tried; NaN where one is no number. */
static double solver_nearest(ah_model *m, double h)
{
    double *z = m->solver.z, least = HUGE_VAL;
    int k;
    if (AH_EVENTS == 0)
        return least;
    if (model_events(m, m->time + h, m->solver.found, z))
        return NAN;
    for (k = 0; k < AH_EVENTS; k++)
        if (z[k] < least)
            least = z[k];
    return least;
}

/* Shortens a step, at the end of which an event is due, until it ends where the event comes. It tries true steps of
 * other lengths, by the Illinois method, so that the state is as good as that of any step. Returns the length; 0 where
 * a step has no result. */
static double solver_locate(ah_model *m, double high, double at_high)
{
    struct ah_solver *s = &m->solver;
    const double width = 1e-11 * high + 4.0 * DBL_EPSILON * (fabs(m->time) + high);
    double low = 0.0, at_low;
    int tries = 0, side = 0;
    memcpy(s->beyond, s->found, sizeof s->beyond);
    memcpy(s->found, m->x, sizeof s->found);
    at_low = solver_nearest(m, 0.0);
    while (high - low > width) {
        double middle = high - (high - low) * at_high / (at_high - at_low), here;
        if (!(at_low >= 0.0) || ++tries > 60 || !isfinite(middle))
            middle = 0.5 * (low + high);
        if (middle < low + 0.5 * width)
            middle = low + 0.5 * width;
        if (middle > high - 0.5 * width)
            middle = high - 0.5 * width;
        if (solver_try(m, middle) || isnan(here = solver_nearest(m, middle)))
            return 0.0;
        if (here < 0.0) {
            memcpy(s->beyond, s->found, sizeof s->beyond);
            high = middle;
            at_high = here;
            if (side < 0)
                at_low *= 0.5;
            side = -1;
        } else {
            low = middle;
            at_low = here;
            if (side > 0)
                at_high *= 0.5;
            side = 1;
        }
    }
    memcpy(s->found, s->beyond, sizeof s->found);
    return high;
}

/* Length of the step just tried up to its first event: h without one; 0 where a distance or a step has no result. */
static double solver_to_event(ah_model *m, double h, int *event)
{
    const double nearest = solver_nearest(m, h);
    *event = nearest < 0.0;
    if (isnan(nearest))
        return 0.0;
    return *event ? solver_locate(m, h, nearest) : h;
}

/* Step that the error allows after one of length h, and whether that was shorter than `wanted` for other reasons. */
static double solver_next_step(ah_model *m, double h, double wanted, double error, int refused)
{
    const double least_error = error > 1e-10 ? error : 1e-10;
    const int cut = h < wanted;
    double factor = solver_safety * pow(least_error, -1.0 / ROSENBROCK_ORDER), step;
    if (!cut && m->error > 0.0) /* proportional and integral action */
        factor = solver_safety * pow(least_error, -0.7 / ROSENBROCK_ORDER) * pow(m->error, 0.4 / ROSENBROCK_ORDER);
    factor = factor < solver_least ? solver_least : factor > solver_most ? solver_most : factor;
    m->error = cut ? 0.0 : error > 1e-4 ? error : 1e-4;
    step = h * (refused && factor > 1.0 ? 1.0 : factor);
    if (cut && factor >= solver_most && step < wanted) /* a short step says nothing against long ones */
        return wanted;
    return step;
}

/* Error of a state in the step just tried, over the tolerance. */
static double solver_own_error(const ah_model *m, int i)
{
    return fabs(m->solver.at[i]) / solver_size(m, i, m->x[i]);
}

static int solver_fail_short(ah_model *m, double error)
{
    int i, worst = 0;
    if (!(error < HUGE_VAL))
        return solver_fail(m, "no step from %.9g d is short enough: rates of change are not finite numbers from there "
                              "on, or the equations are singular", m->time);
    for (i = 1; i < AH_STATES; i++)
        if (solver_own_error(m, i) > solver_own_error(m, worst))
            worst = i;
    return solver_fail(m, "no step from %.9g d is short enough for the tolerance: %s changes too fast", m->time,
                       state_names[worst]);
}

/* Takes one step towards `stop`, as long as the error allows, and not beyond the first event. */
static int solver_advance(ah_model *m, double stop, double most, double *steps, int *event)
{
    const double rest = stop - m->time, shortest = 16.0 * DBL_EPSILON * fabs(m->time) + 1e-20;
    double wanted, h, length, error;
    int refused = 0;
    *event = 0;
    if (rest <= 4.0 * DBL_EPSILON * fabs(stop)) { /* nothing but rounding is left */
        solver_pass(m, rest, stop);
        return 0;
    }
    if (solver_begin(m))
        return 1;
    wanted = m->step > 0.0 ? m->step : solver_first_step(m, rest);
    for (;; refused = 1) {
        /* So that no short step is left at the end. */
        h = rest <= 1.01 * wanted ? rest : wanted < 0.5 * rest ? wanted : 0.5 * rest;
        if ((*steps += 1.0) > most)
            return solver_fail(m, "more than %.0f steps in one call, and only %.9g d is reached: rates of change are "
                                  "too high, or switches follow each other ever faster", most, m->time);
        error = solver_try(m, h) ? HUGE_VAL : solver_error(m);
        if (error <= 1.0) {
            length = solver_to_event(m, h, event);
            if (length > 0.0)
                break;
            error = HUGE_VAL;
        }
        wanted = error < HUGE_VAL ? solver_safety * pow(error, -1.0 / ROSENBROCK_ORDER) : solver_least;
        wanted = h * (wanted > solver_least ? wanted : solver_least);
        if (wanted < shortest)
            return solver_fail_short(m, error);
    }
    m->step = solver_next_step(m, h, wanted, error, refused);
    memcpy(m->x, m->solver.found, sizeof m->x);
    solver_pass(m, length, length < rest ? m->time + length : stop);
    return 0;
}

/* Lets events happen that are due, the one furthest below zero first. */
static int solver_settle(ah_model *m, int *changed)
{
    double *z = m->solver.z;
    int k, due, count;
    for (count = 0; AH_EVENTS > 0; count++) {
        if (model_events(m, m->time, m->x, z))
            return solver_fail(m, "the distance of an event is not a finite number at %.9g d", m->time);
        for (k = 1, due = 0; k < AH_EVENTS; k++)
            if (z[k] < z[due])
                due = k;
        if (!(z[due] < 0.0))
            break;
        if (count == SOLVER_SWITCHES)
            return solver_fail(m, "switches follow each other without end at %.9g d: the conditions of two contradict "
                                  "each other", m->time);
        model_after(m, due, m->time, m->x);
        m->error = 0.0;
        *changed = 1;
    }
    return solver_check_values(m, "after an event, the state", m->x, AH_STATES, state_names);
}

/* Integrates to `until`, with events and time tables. */
static int solver_march(ah_model *m, double until)
{
    const double most = SOLVER_STEPS * (1.0 + until - m->time);
    double steps = 0.0;
    int settle = 1, changed = 0, event;
    for (;;) {
        double next;
        while ((next = model_next_time(m)) <= m->time) {
            if ((steps += 1.0) > most)
                return solver_fail(m, "a time table does not go on at %.9g d", m->time);
            model_pass_time(m);
            m->error = 0.0;
            settle = 1;
        }
        if (settle && solver_settle(m, &changed))
            return 1;
        if (!(m->time < until))
            return 0;
        if (solver_advance(m, next < until ? next : until, most, &steps, &event))
            return 1;
        settle = event;
    }
}
