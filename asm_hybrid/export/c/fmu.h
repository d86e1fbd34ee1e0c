/* What both versions of the interface share: an instance and its variables; its steps are in fmu_steps.h.
   Outside, time is in seconds; in model.h it is in days. */
#ifndef FMU_H
#define FMU_H

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmu_data.h"
#include "model.h"

#define DAY 86400.0
#define HYSTERESIS 1e-9 /* how far an event indicator stands above its distance: it is due where the integrator stops */
#define SETTLING 1000   /* events in a row at one point in time, after which they will not settle any more */
#define LATEST 1e10     /* a time, three centuries from 0, beyond which nothing is simulated [s] */

enum { OK, WARNING, DISCARD, ERROR }; /* of fmi2Status and of fmi3Status alike */

/* Value references, in the order of modelDescription.xml. */
enum {
    VR_TIME,
    VR_STATE,
    VR_DERIVATIVE = VR_STATE + AH_STATES,
    VR_INPUT = VR_DERIVATIVE + AH_STATES,
    VR_OUTPUT = VR_INPUT + AH_INPUTS,
    VR_PARAMETER = VR_OUTPUT + AH_OUTPUTS,
    VR_MEMBER = VR_PARAMETER + AH_PARAMETERS,
    VR_MOTION,
    VR_EVENT = VR_MOTION + AH_INPUTS,
    VR_END = VR_EVENT + AH_EVENTS
};

typedef enum { UNKNOWN, TIME, STATE, DERIVATIVE, INPUT, TABLE, OUTPUT, PARAMETER, SWITCH, MEMBER, EVENT, MOTION } Kind;

typedef enum {
    INSTANTIATED = 1,
    INITIALIZING = 2,
    EVENTS = 4,
    CONTINUOUS = 8,
    STEPPING = 16,
    TERMINATED = 32,
    FAILED = 64
} Mode;
#define BEFORE (INSTANTIATED | INITIALIZING)
#define RUNNING (EVENTS | CONTINUOUS | STEPPING)
#define ANY (BEFORE | RUNNING | TERMINATED | FAILED)

enum { LOG_EVENTS = 1, LOG_ALL = 2 };
enum { FRESH_DERIVATIVES = 1, FRESH_OUTPUTS = 2 };

typedef struct {
    ah_model *model;
    unsigned references; /* how many value references this version has */
    int co_simulation;
    Mode mode;
    double time, stop; /* [s] */
    int settling;      /* events so far at this point in time */
    unsigned fresh;    /* which results below hold */
    double derivative[AH_STATES + 1]; /* [unit/s] */
    double output[AH_OUTPUTS + 1];
    double event[AH_EVENTS + 1];
    double before[AH_STATES + 1];
    double seed_x[AH_STATES + 1], seed_u[AH_INPUTS + 1], seed_p[AH_PARAMETERS + 1];
    double along_dx[AH_STATES + 1], along_y[AH_OUTPUTS + 1];
    unsigned logging;
    char *name;
    void *environment;
    void (*logger)(void);
} Fmu;

static void send(const Fmu *f, int status, const char *category, const char *message); /* through the callback */

static const char *const CATEGORY[] = {"logEvents", "logEvents", "logStatusDiscard", "logStatusError"};

static void copy(double *to, const double *from, int n)
{
    int i;
    for (i = 0; i < n; i++)
        to[i] = from[i];
}

/* Log a message and return the status; after an error the instance can but be reset, restored or freed. Errors and
   discards are told always, events where logging is on. */
static int report(Fmu *f, int status, const char *format, ...)
{
    char message[512];
    va_list arguments;
    if (status >= DISCARD || f->logging != 0) {
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        send(f, status, CATEGORY[status], message);
    }
    if (status == ERROR)
        f->mode = FAILED;
    return status;
}

static int choose_categories(Fmu *f, int on, size_t n, const char *const *categories)
{
    size_t i;
    unsigned chosen = on && n == 0 ? (unsigned)LOG_ALL : 0;
    if (n > 0 && categories == NULL)
        return report(f, ERROR, "no categories where %lu were to be", (unsigned long)n);
    for (i = 0; i < n; i++) {
        const char *name = categories[i] == NULL ? "" : categories[i];
        if (strcmp(name, "logAll") == 0)
            chosen |= LOG_ALL;
        else if (strcmp(name, "logEvents") == 0)
            chosen |= LOG_EVENTS;
        else if (strcmp(name, "logStatusDiscard") != 0 && strcmp(name, "logStatusError") != 0)
            return report(f, ERROR, "no category of messages has the name '%s'", name);
    }
    f->logging = on ? chosen : 0;
    return OK;
}

/* Begin a function of the interface: nonzero where the instance is in a mode that does not allow it. */
static int begin(Fmu *f, unsigned allowed, const char *function)
{
    if (f == NULL)
        return ERROR;
    if (((unsigned)f->mode & allowed) == 0)
        return report(f, ERROR, "%s is not allowed in this mode", function);
    return OK;
}

static int begin_list(Fmu *f, unsigned allowed, const char *function, size_t n, const void *a, const void *b)
{
    int status = begin(f, allowed, function);
    if (status != OK)
        return status;
    return n > 0 && (a == NULL || b == NULL) ? report(f, ERROR, "%s: a list is missing", function) : OK;
}

static int begin_sized(Fmu *f, unsigned allowed, const char *function, size_t n, size_t expected, const void *values)
{
    int status = begin_list(f, allowed, function, n, values, values);
    if (status != OK)
        return status;
    return n != expected ? report(f, ERROR, "%s: %lu values, where there are %lu", function, (unsigned long)n,
                                  (unsigned long)expected)
                         : OK;
}

static Fmu *instantiate(const char *name, const char *token, int co_simulation, unsigned references, int logging,
                        void *environment, void (*logger)(void))
{
    Fmu *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->environment = environment;
    f->logger = logger;
    f->co_simulation = co_simulation;
    f->references = references;
    f->mode = INSTANTIATED;
    f->stop = DBL_MAX;
    f->logging = logging ? (unsigned)LOG_ALL : 0;
    f->name = calloc(1, (name == NULL ? 0 : strlen(name)) + 1);
    if (f->name != NULL && name != NULL)
        memcpy(f->name, name, strlen(name));
    if (f->name == NULL || name == NULL || name[0] == '\0')
        report(f, ERROR, "the instance has no name");
    else if (token == NULL || strcmp(token, FMU_TOKEN) != 0)
        report(f, ERROR, "the token of modelDescription.xml is not that of these binaries, " FMU_TOKEN);
    else if ((f->model = ah_new()) == NULL)
        report(f, ERROR, "there is not enough memory");
    else
        return f;
    free(f->name);
    free(f);
    return NULL;
}

static void free_instance(Fmu *f)
{
    if (f == NULL)
        return;
    ah_free(f->model);
    free(f->name);
    free(f);
}

static int initialize(Fmu *f, int tolerance_defined, double tolerance, double start, int stop_defined, double stop)
{
    if (!(fabs(start) <= LATEST) || (stop_defined && !(stop >= start && stop <= DBL_MAX)))
        return report(f, ERROR, "an experiment from %g s to %g s cannot be simulated", start, stop_defined ? stop : start);
    if (tolerance_defined && ah_set_tolerance(f->model, tolerance))
        return report(f, ERROR, "%s", ah_message(f->model));
    ah_set_time(f->model, start / DAY);
    f->time = start;
    f->stop = stop_defined ? stop : DBL_MAX;
    f->fresh = 0;
    return OK;
}

static int reset(Fmu *f)
{
    ah_reset(f->model);
    f->mode = INSTANTIATED;
    f->time = 0;
    f->stop = DBL_MAX;
    f->settling = 0;
    f->fresh = 0;
    return OK;
}

static int enter(Fmu *f, unsigned from, Mode to, const char *function)
{
    const int status = begin(f, from, function);
    if (status != OK)
        return status;
    f->mode = to;
    f->settling = 0;
    return OK;
}

static int exit_initialization(Fmu *f, const char *function)
{
    return enter(f, INITIALIZING, f != NULL && f->co_simulation ? STEPPING : EVENTS, function);
}

/* Variables */

static Kind kind_of(const Fmu *f, unsigned vr, int *i)
{
    *i = 0;
    if (vr >= f->references)
        return UNKNOWN;
    if (vr < VR_STATE)
        return TIME;
    if (vr < VR_DERIVATIVE)
        return *i = (int)vr - VR_STATE, STATE;
    if (vr < VR_INPUT)
        return *i = (int)vr - VR_DERIVATIVE, DERIVATIVE;
    if (vr < VR_OUTPUT)
        return *i = (int)vr - VR_INPUT, input_by_table[*i] ? TABLE : INPUT;
    if (vr < VR_PARAMETER)
        return *i = (int)vr - VR_OUTPUT, OUTPUT;
    if (vr < VR_MEMBER)
        return *i = (int)vr - VR_PARAMETER, parameter_is_switch[*i] ? SWITCH : PARAMETER;
    if (vr < VR_MOTION)
        return AH_MEMBERS > 0 ? MEMBER : UNKNOWN;
    if (vr < VR_EVENT)
        return *i = (int)vr - VR_MOTION, input_by_table[*i] ? UNKNOWN : MOTION;
    return *i = (int)vr - VR_EVENT, EVENT;
}

static int not_there(Fmu *f, unsigned vr, const char *what)
{
    return report(f, ERROR, "no %s has the value reference %u", what, vr);
}

/* What cannot be evaluated: an integrator may try a smaller step, anyone else has to stop. */
static int unable(Fmu *f)
{
    return report(f, f->mode == CONTINUOUS ? DISCARD : ERROR, "%s", ah_message(f->model));
}

static int derivatives(Fmu *f)
{
    int i;
    if (f->fresh & FRESH_DERIVATIVES)
        return OK;
    if (ah_derivative(f->model, f->derivative))
        return unable(f);
    for (i = 0; i < AH_STATES; i++)
        f->derivative[i] /= DAY;
    f->fresh |= FRESH_DERIVATIVES;
    return OK;
}

static int outputs(Fmu *f)
{
    if (f->fresh & FRESH_OUTPUTS)
        return OK;
    if (ah_output(f->model, f->output))
        return unable(f);
    f->fresh |= FRESH_OUTPUTS;
    return OK;
}

static int events(Fmu *f)
{
    int i;
    if (ah_events(f->model, f->event))
        return unable(f);
    for (i = 0; i < AH_EVENTS; i++)
        f->event[i] += HYSTERESIS;
    return OK;
}

static int get_real(Fmu *f, unsigned vr, double *value)
{
    int i, status = OK;
    switch (kind_of(f, vr, &i)) {
    case TIME: *value = f->time; break;
    case STATE: *value = ah_state(f->model)[i]; break;
    case DERIVATIVE:
        if ((status = derivatives(f)) == OK)
            *value = f->derivative[i];
        break;
    case INPUT:
    case TABLE: *value = ah_input(f->model)[i]; break;
    case OUTPUT:
        if ((status = outputs(f)) == OK)
            *value = f->output[i];
        break;
    case PARAMETER: *value = ah_parameter(f->model)[i]; break;
    case EVENT:
        if ((status = events(f)) == OK)
            *value = f->event[i];
        break;
    case MOTION: *value = ah_input_slope(f->model)[i] / DAY; break;
    default: return not_there(f, vr, "real variable");
    }
    return status;
}

static int out_of_turn(Fmu *f, unsigned vr)
{
    return report(f, ERROR, "%s cannot be set in this mode", variable_name[vr]);
}

static int assign(Fmu *f, unsigned vr, unsigned allowed, double *place, double value, double low, double high)
{
    if (((unsigned)f->mode & allowed) == 0)
        return out_of_turn(f, vr);
    if (!isfinite(value))
        return report(f, ERROR, "%s was given %g", variable_name[vr], value);
    if (value < low || value > high)
        return report(f, DISCARD, "%s was given %g, where %g to %g is expected", variable_name[vr], value, low, high);
    *place = value;
    f->fresh = 0;
    return OK;
}

static int set_real(Fmu *f, unsigned vr, double value)
{
    int i;
    const unsigned tuning = BEFORE | EVENTS | STEPPING;
    switch (kind_of(f, vr, &i)) {
    case STATE: return assign(f, vr, BEFORE, &ah_state(f->model)[i], value, -DBL_MAX, DBL_MAX);
    case INPUT:
        return assign(f, vr, BEFORE | RUNNING, &ah_input(f->model)[i], value, input_minimum[i], input_maximum[i]);
    case PARAMETER:
        return assign(f, vr, tuning, &ah_parameter(f->model)[i], value, parameter_minimum[i], parameter_maximum[i]);
    case MOTION:
        return assign(f, vr, BEFORE | RUNNING, &ah_input_slope(f->model)[i], value * DAY, -DBL_MAX, DBL_MAX);
    case TIME:
    case DERIVATIVE:
    case TABLE:
    case OUTPUT:
    case EVENT: return report(f, ERROR, "%s cannot be set", variable_name[vr]);
    default: return not_there(f, vr, "real variable");
    }
}

static int get_switch(Fmu *f, unsigned vr, int *value)
{
    int i;
    if (kind_of(f, vr, &i) != SWITCH)
        return not_there(f, vr, "boolean variable");
    *value = ah_parameter(f->model)[i] != 0;
    return OK;
}

static int set_switch(Fmu *f, unsigned vr, int value)
{
    int i;
    if (kind_of(f, vr, &i) != SWITCH)
        return not_there(f, vr, "boolean variable");
    return assign(f, vr, BEFORE | EVENTS | STEPPING, &ah_parameter(f->model)[i], value ? 1 : 0, 0, 1);
}

static int get_member(Fmu *f, unsigned vr, int *value)
{
    int i;
    if (kind_of(f, vr, &i) != MEMBER)
        return not_there(f, vr, "integer variable");
    *value = ah_member(f->model);
    return OK;
}

static int set_member(Fmu *f, unsigned vr, int value)
{
    int i;
    if (kind_of(f, vr, &i) != MEMBER)
        return not_there(f, vr, "integer variable");
    if (((unsigned)f->mode & BEFORE) == 0)
        return out_of_turn(f, vr);
    if (ah_set_member(f->model, value))
        return report(f, DISCARD, "the member is %d, where 0 to %d is expected", value, (int)AH_MEMBERS);
    f->fresh = 0;
    return OK;
}

static int set_states(Fmu *f, const double *x)
{
    int i;
    for (i = 0; i < AH_STATES; i++)
        if (!isfinite(x[i]))
            return report(f, DISCARD, "%s was given %g", variable_name[VR_STATE + i], x[i]);
    copy(ah_state(f->model), x, AH_STATES);
    f->fresh = 0;
    return OK;
}

static int get_derivatives(Fmu *f, double *dx)
{
    const int status = derivatives(f);
    if (status == OK)
        copy(dx, f->derivative, AH_STATES);
    return status;
}

static int get_events(Fmu *f, double *z)
{
    const int status = events(f);
    if (status == OK)
        copy(z, f->event, AH_EVENTS);
    return status;
}

static int get_states(Fmu *f, double *x)
{
    copy(x, ah_state(f->model), AH_STATES);
    return OK;
}

static int get_nominals(double *nominal)
{
    copy(nominal, state_nominal, AH_STATES);
    return OK;
}

#endif
