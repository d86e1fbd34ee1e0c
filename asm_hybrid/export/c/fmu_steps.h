/* Derivatives along a direction, events, steps and saved states of an instance. */
#ifndef FMU_STEPS_H
#define FMU_STEPS_H

#include "fmu.h"

/* Derivatives along a direction */

static int directional(Fmu *f, const unsigned *unknown, size_t n_unknown, const unsigned *known, size_t n_known,
                       const double *seed, double *sensitivity)
{
    int i;
    size_t k;
    memset(f->seed_x, 0, sizeof f->seed_x);
    memset(f->seed_u, 0, sizeof f->seed_u);
    memset(f->seed_p, 0, sizeof f->seed_p);
    for (k = 0; k < n_known; k++)
        switch (kind_of(f, known[k], &i)) {
        case STATE: f->seed_x[i] += seed[k]; break;
        case INPUT: f->seed_u[i] += seed[k]; break;
        case PARAMETER: f->seed_p[i] += seed[k]; break;
        default: return report(f, ERROR, "no derivative by the value reference %u is provided", known[k]);
        }
    if (ah_directional(f->model, f->seed_x, f->seed_u, f->seed_p, f->along_dx, f->along_y))
        return unable(f);
    for (k = 0; k < n_unknown; k++)
        switch (kind_of(f, unknown[k], &i)) {
        case STATE: sensitivity[k] = f->seed_x[i]; break;
        case DERIVATIVE: sensitivity[k] = f->along_dx[i] / DAY; break;
        case OUTPUT: sensitivity[k] = f->along_y[i]; break;
        default: return report(f, ERROR, "no derivative of the value reference %u is provided", unknown[k]);
        }
    return OK;
}

/* First derivatives of outputs by time, where inputs move as they were told to. */
static int output_derivatives(Fmu *f, const unsigned *vr, size_t n, const int *order, double *value)
{
    int i, status = derivatives(f);
    size_t k;
    if (status != OK)
        return status;
    for (i = 0; i < AH_INPUTS; i++)
        f->seed_u[i] = ah_input_slope(f->model)[i] / DAY;
    if (ah_directional(f->model, f->derivative, f->seed_u, NULL, NULL, f->along_y))
        return unable(f);
    for (k = 0; k < n; k++) {
        const Kind kind = kind_of(f, vr[k], &i);
        if (order[k] != 1 || (kind != STATE && kind != OUTPUT))
            return report(f, ERROR, "no derivative of order %d of the value reference %u is provided", order[k], vr[k]);
        value[k] = kind == STATE ? f->derivative[i] : f->along_y[i];
    }
    return OK;
}

/* Time and events */

static double next_time(Fmu *f)
{
    return ah_next_time(f->model) * DAY;
}

/* One pass of event iteration: time tables go on, controllers switch. */
static int update(Fmu *f, int *again, int *moved, int *next_defined, double *next)
{
    const double near = 1e-9 * (1 + fabs(f->time)); /* a host may stop a little before the event [s] */
    int i, changed = 0;
    copy(f->before, ah_state(f->model), AH_STATES);
    while (next_time(f) <= f->time + near) {
        const double due = ah_next_time(f->model);
        report(f, OK, "a time table goes on at %.17g s", due * DAY);
        ah_move_time(f->model, due);
        ah_pass_time(f->model);
        if (!(ah_next_time(f->model) > due))
            return report(f, ERROR, "a time table stands still at %.17g s", due * DAY);
    }
    ah_move_time(f->model, f->time / DAY);
    if (ah_switch(f->model, &changed))
        return report(f, ERROR, "%s", ah_message(f->model));
    if (changed)
        report(f, OK, "a controller or cycle switches at %.17g s", f->time);
    f->fresh = 0;
    f->settling = changed ? f->settling + 1 : 0;
    if (f->settling > SETTLING)
        return report(f, ERROR, "controllers switch again and again at %.17g s", f->time);
    *again = changed != 0;
    *moved = 0;
    for (i = 0; i < AH_STATES; i++)
        *moved |= f->before[i] != ah_state(f->model)[i];
    *next = next_time(f);
    *next_defined = *next <= DBL_MAX;
    if (!*next_defined)
        *next = 0;
    return OK;
}

static int set_time(Fmu *f, double time)
{
    if (!(fabs(time) <= LATEST))
        return report(f, ERROR, "the time is %g s", time);
    f->time = time;
    ah_move_time(f->model, time / DAY);
    f->fresh = 0;
    return OK;
}

static int step(Fmu *f, double now, double size)
{
    const double near = 1e-6 + 1e-9 * fabs(f->time); /* sums of steps are rounded [s] */
    const double until = now + size;
    if (!isfinite(now) || fabs(now - f->time) > near)
        return report(f, ERROR, "a step was to begin at %g s, but the last one ended at %g s", now, f->time);
    if (!(fabs(until) <= LATEST) || !(size > 0) || !(until / DAY > ah_time(f->model)))
        return report(f, ERROR, "a step of %g s at %g s is none", size, now);
    if (until > f->stop && until - f->stop > near)
        return report(f, ERROR, "a step to %g s passes the end of the experiment, %g s", until, f->stop);
    f->fresh = 0;
    if (ah_step(f->model, until / DAY))
        return report(f, ERROR, "from %g s to %g s: %s", now, until, ah_message(f->model));
    f->time = until;
    return OK;
}

/* Saved states: a head and what the model saves. In memory and serialized they are the same bytes. */

typedef struct {
    uint64_t token, check, size, mode, settling, co_simulation;
    double time, stop;
} Saved;

static size_t saved_size(const Fmu *f)
{
    return sizeof(Saved) + ah_saved(f->model);
}

/* FNV-1a of what follows `check`. */
static uint64_t checksum(const unsigned char *bytes, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    size_t i;
    for (i = 2 * sizeof(uint64_t); i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

static int save(Fmu *f, void **place)
{
    const size_t size = saved_size(f);
    Saved head;
    unsigned char *bytes = *place;
    if (bytes == NULL && (bytes = calloc(1, size)) == NULL)
        return report(f, ERROR, "there is not enough memory");
    memset(&head, 0, sizeof head);
    head.token = FMU_HASH;
    head.size = size;
    head.mode = (uint64_t)f->mode;
    head.settling = (uint64_t)f->settling;
    head.co_simulation = (uint64_t)f->co_simulation;
    head.time = f->time;
    head.stop = f->stop;
    memcpy(bytes, &head, sizeof head);
    ah_save(f->model, bytes + sizeof head);
    head.check = checksum(bytes, size);
    memcpy(bytes, &head, sizeof head);
    *place = bytes;
    return OK;
}

/* Nonzero unless the bytes are a saved state of this kind of FMU. */
static int not_saved(const Fmu *f, const void *bytes)
{
    Saved head;
    if (bytes == NULL)
        return 1;
    memcpy(&head, bytes, sizeof head);
    return head.token != FMU_HASH || head.size != saved_size(f) || head.co_simulation != (uint64_t)f->co_simulation ||
           head.check != checksum(bytes, saved_size(f));
}

static int restore(Fmu *f, const void *bytes)
{
    Saved head;
    if (not_saved(f, bytes))
        return report(f, ERROR, "this is no saved state of this model and interface");
    memcpy(&head, bytes, sizeof head);
    if (ah_restore(f->model, (const unsigned char *)bytes + sizeof head, ah_saved(f->model)))
        return report(f, ERROR, "%s", ah_message(f->model));
    f->mode = (Mode)head.mode;
    f->settling = (int)head.settling;
    f->time = head.time;
    f->stop = head.stop;
    f->fresh = 0;
    return OK;
}

static int free_state(void **place)
{
    if (place != NULL) {
        free(*place);
        *place = NULL;
    }
    return OK;
}

static int state_size(Fmu *f, const void *state, size_t *size)
{
    if (size == NULL || not_saved(f, state))
        return report(f, ERROR, "this is no saved state of this model and interface");
    *size = saved_size(f);
    return OK;
}

static int serialize(Fmu *f, const void *state, void *bytes, size_t size)
{
    if (bytes == NULL || not_saved(f, state) || size < saved_size(f))
        return report(f, ERROR, "a state of %lu bytes cannot be written into %lu", (unsigned long)saved_size(f),
                      (unsigned long)size);
    memcpy(bytes, state, saved_size(f));
    return OK;
}

static int deserialize(Fmu *f, const void *bytes, size_t size, void **place)
{
    void *state;
    if (place == NULL || bytes == NULL || size != saved_size(f) || not_saved(f, bytes))
        return report(f, ERROR, "%lu bytes are no saved state of this model and interface", (unsigned long)size);
    state = *place != NULL ? *place : calloc(1, size);
    if (state == NULL)
        return report(f, ERROR, "there is not enough memory");
    memcpy(state, bytes, size);
    *place = state;
    return OK;
}

#endif
