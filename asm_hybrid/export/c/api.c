/* What model.h declares. */

ah_model *ah_new(void)
{
    ah_model *m = calloc(1, sizeof *m + AH_KEPT);
    if (m != NULL)
        ah_reset(m);
    return m;
}

void ah_free(ah_model *m)
{
    free(m);
}

void ah_reset(ah_model *m)
{
    memset(m, 0, AH_KEPT);
    m->message[0] = '\0';
    m->tolerance = start_tolerance;
    model_start(m);
    ah_set_time(m, 0.0);
}

double *ah_state(ah_model *m)
{
    return m->x;
}

double *ah_input(ah_model *m)
{
    return m->u;
}

double *ah_input_slope(ah_model *m)
{
    return m->slope;
}

double *ah_parameter(ah_model *m)
{
    return m->p;
}

int ah_member(const ah_model *m)
{
    return m->member;
}

int ah_set_member(ah_model *m, int member)
{
    if (member < 0 || member > AH_MEMBERS)
        return solver_fail(m, "there is no seed %d; there are 0 (f alone) to %d", member, (int)AH_MEMBERS);
    m->member = member;
    return 0;
}

double ah_time(const ah_model *m)
{
    return m->time;
}

void ah_set_time(ah_model *m, double days)
{
    m->time = days;
    if (fabs(days) <= solver_latest)
        model_phases(m);
}

void ah_move_time(ah_model *m, double days)
{
    int i;
    for (i = 0; i < AH_INPUTS; i++)
        if (m->slope[i] != 0.0)
            m->u[i] += m->slope[i] * (days - m->time);
    m->time = days;
}

int ah_derivative(ah_model *m, double *dx)
{
    if (solver_check(m))
        return 1;
    return model_rhs(m, m->time, m->x, dx) ? solver_fail_rate(m, dx) : 0;
}

int ah_output(ah_model *m, double *y)
{
    if (solver_check(m))
        return 1;
    if (model_outputs(m, m->time, m->x, y))
        return solver_fail(m, "an output is not a finite number at %.9g d", m->time);
    return 0;
}

int ah_directional(ah_model *m, const double *dx, const double *du, const double *dp, double *ddx, double *dy)
{
    if (solver_check(m))
        return 1;
    if (model_directional(m, dx, du, dp, ddx, dy))
        return solver_fail(m, "a derivative is not a finite number at %.9g d", m->time);
    return 0;
}

int ah_events(ah_model *m, double *z)
{
    if (solver_check(m))
        return 1;
    if (AH_EVENTS > 0 && model_events(m, m->time, m->x, z))
        return solver_fail(m, "the distance of an event is not a finite number at %.9g d", m->time);
    return 0;
}

static void api_keep(ah_model *m)
{
    memcpy(m->before, m, AH_KEPT);
}

/* Passes on a result; where it is a failure, the model goes back to where it was kept. */
static int api_done(ah_model *m, int failed)
{
    if (failed)
        memcpy(m, m->before, AH_KEPT);
    return failed;
}

int ah_switch(ah_model *m, int *changed)
{
    int any = 0;
    if (solver_check(m))
        return 1;
    api_keep(m);
    if (api_done(m, solver_settle(m, &any)))
        return 1;
    if (changed != NULL)
        *changed = any;
    return 0;
}

double ah_next_time(ah_model *m)
{
    return model_next_time(m);
}

void ah_pass_time(ah_model *m)
{
    if (fabs(m->time) <= solver_latest)
        model_pass_time(m);
}

int ah_set_tolerance(ah_model *m, double relative)
{
    if (!(relative >= 1e-13 && relative <= 1e-1))
        return solver_fail(m, "a relative tolerance of %g is not from 1e-13 to 1e-1", relative);
    m->tolerance = relative;
    return 0;
}

int ah_step(ah_model *m, double until)
{
    if (solver_check(m))
        return 1;
    if (!(until >= m->time && until <= solver_latest))
        return solver_fail(m, "a step cannot go from %.9g d to %.9g d", m->time, until);
    api_keep(m);
    return api_done(m, solver_march(m, until));
}

/* Of what is kept, and of which model it is; FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv). */
static uint64_t api_mark(const unsigned char *bytes)
{
    uint64_t mark = UINT64_C(14695981039346656037);
    size_t i;
    for (i = 0; model_identity[i] != '\0'; i++)
        mark = (mark ^ (unsigned char)model_identity[i]) * UINT64_C(1099511628211);
    for (i = 0; i < AH_KEPT; i++)
        mark = (mark ^ bytes[i]) * UINT64_C(1099511628211);
    return mark;
}

size_t ah_saved(const ah_model *m)
{
    (void)m;
    return sizeof(uint64_t) + AH_KEPT;
}

void ah_save(const ah_model *m, void *bytes)
{
    const uint64_t mark = api_mark((const unsigned char *)m);
    memcpy(bytes, &mark, sizeof mark);
    memcpy((unsigned char *)bytes + sizeof mark, m, AH_KEPT);
}

int ah_restore(ah_model *m, const void *bytes, size_t size)
{
    const unsigned char *kept = (const unsigned char *)bytes + sizeof(uint64_t);
    uint64_t mark;
    if (size != ah_saved(m))
        return solver_fail(m, "%lu bytes are no saved state of this model, which has %lu", (unsigned long)size,
                           (unsigned long)ah_saved(m));
    memcpy(&mark, bytes, sizeof mark);
    if (mark != api_mark(kept))
        return solver_fail(m, "the bytes are no saved state of this model, or were changed");
    memcpy(m, kept, AH_KEPT);
    return 0;
}

const char *ah_message(const ah_model *m)
{
    return m->message;
}
