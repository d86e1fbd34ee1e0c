/* The Functional Mock-up Interface 2.0 of a plant: model exchange and co-simulation. */
#include "fmi2_types.h"
#include "fmu.h"
#include "fmu_steps.h"

static void send(const Fmu *f, int status, const char *category, const char *message)
{
    char doubled[1024]; /* the callback takes a format */
    size_t n = 0;
    const fmi2CallbackLogger logger = (fmi2CallbackLogger)f->logger;
    if (logger == NULL)
        return;
    for (; *message != '\0' && n < sizeof doubled - 2; message++) {
        if (*message == '%')
            doubled[n++] = '%';
        doubled[n++] = *message;
    }
    doubled[n] = '\0';
    logger(f->environment, f->name, (fmi2Status)status, category, doubled);
}

#define EACH(n, call)                                                                                                  \
    do {                                                                                                               \
        size_t k;                                                                                                      \
        for (k = 0; k < (n); k++)                                                                                      \
            if ((status = (call)) != OK)                                                                               \
                break;                                                                                                 \
    } while (0)

/* Both kinds */

const char *FMI2(fmi2GetTypesPlatform)(void)
{
    return "default";
}

const char *FMI2(fmi2GetVersion)(void)
{
    return "2.0";
}

fmi2Status FMI2(fmi2SetDebugLogging)(fmi2Component c, fmi2Boolean on, size_t n, const fmi2String categories[])
{
    const int status = begin(c, ANY, "fmi2SetDebugLogging");
    return (fmi2Status)(status != OK ? status : choose_categories(c, on, n, categories));
}

fmi2Component FMI2(fmi2Instantiate)(fmi2String name, fmi2Type type, fmi2String guid, fmi2String resources,
                                    const fmi2CallbackFunctions *functions, fmi2Boolean visible, fmi2Boolean logging)
{
    (void)resources;
    (void)visible;
    if (functions == NULL || (type != fmi2ModelExchange && type != fmi2CoSimulation))
        return NULL;
    return instantiate(name, guid, type == fmi2CoSimulation, VR_EVENT, logging, functions->componentEnvironment,
                       (void (*)(void))functions->logger);
}

void FMI2(fmi2FreeInstance)(fmi2Component c)
{
    free_instance(c);
}

fmi2Status FMI2(fmi2SetupExperiment)(fmi2Component c, fmi2Boolean tolerance_defined, fmi2Real tolerance, fmi2Real start,
                                     fmi2Boolean stop_defined, fmi2Real stop)
{
    const int status = begin(c, INSTANTIATED, "fmi2SetupExperiment");
    return (fmi2Status)(status != OK ? status
                                     : initialize(c, tolerance_defined, tolerance, start, stop_defined, stop));
}

fmi2Status FMI2(fmi2EnterInitializationMode)(fmi2Component c)
{
    return (fmi2Status)enter(c, INSTANTIATED, INITIALIZING, "fmi2EnterInitializationMode");
}

fmi2Status FMI2(fmi2ExitInitializationMode)(fmi2Component c)
{
    return (fmi2Status)exit_initialization(c, "fmi2ExitInitializationMode");
}

fmi2Status FMI2(fmi2Terminate)(fmi2Component c)
{
    return (fmi2Status)enter(c, RUNNING, TERMINATED, "fmi2Terminate");
}

fmi2Status FMI2(fmi2Reset)(fmi2Component c)
{
    const int status = begin(c, ANY, "fmi2Reset");
    return (fmi2Status)(status != OK ? status : reset(c));
}

fmi2Status FMI2(fmi2GetReal)(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Real value[])
{
    int status = begin_list(c, ANY, "fmi2GetReal", n, vr, value);
    if (status == OK)
        EACH(n, get_real(c, vr[k], &value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2GetInteger)(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Integer value[])
{
    int status = begin_list(c, ANY, "fmi2GetInteger", n, vr, value);
    if (status == OK)
        EACH(n, get_member(c, vr[k], &value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2GetBoolean)(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Boolean value[])
{
    int status = begin_list(c, ANY, "fmi2GetBoolean", n, vr, value);
    if (status == OK)
        EACH(n, get_switch(c, vr[k], &value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2GetString)(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2String value[])
{
    int status = begin_list(c, ANY, "fmi2GetString", n, vr, value);
    if (status == OK)
        EACH(n, not_there(c, vr[k], "string"));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2SetReal)(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Real value[])
{
    int status = begin_list(c, BEFORE | RUNNING, "fmi2SetReal", n, vr, value);
    if (status == OK)
        EACH(n, set_real(c, vr[k], value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2SetInteger)(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Integer value[])
{
    int status = begin_list(c, BEFORE | RUNNING, "fmi2SetInteger", n, vr, value);
    if (status == OK)
        EACH(n, set_member(c, vr[k], value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2SetBoolean)(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Boolean value[])
{
    int status = begin_list(c, BEFORE | RUNNING, "fmi2SetBoolean", n, vr, value);
    if (status == OK)
        EACH(n, set_switch(c, vr[k], value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2SetString)(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2String value[])
{
    int status = begin_list(c, BEFORE | RUNNING, "fmi2SetString", n, vr, value);
    if (status == OK)
        EACH(n, not_there(c, vr[k], "string"));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2GetFMUstate)(fmi2Component c, fmi2FMUstate *state)
{
    const int status = begin_list(c, ANY, "fmi2GetFMUstate", 1, state, state);
    return (fmi2Status)(status != OK ? status : save(c, state));
}

fmi2Status FMI2(fmi2SetFMUstate)(fmi2Component c, fmi2FMUstate state)
{
    const int status = begin(c, ANY, "fmi2SetFMUstate");
    return (fmi2Status)(status != OK ? status : restore(c, state));
}

fmi2Status FMI2(fmi2FreeFMUstate)(fmi2Component c, fmi2FMUstate *state)
{
    const int status = begin(c, ANY, "fmi2FreeFMUstate");
    return (fmi2Status)(status != OK ? status : free_state(state));
}

fmi2Status FMI2(fmi2SerializedFMUstateSize)(fmi2Component c, fmi2FMUstate state, size_t *size)
{
    const int status = begin(c, ANY, "fmi2SerializedFMUstateSize");
    return (fmi2Status)(status != OK ? status : state_size(c, state, size));
}

fmi2Status FMI2(fmi2SerializeFMUstate)(fmi2Component c, fmi2FMUstate state, fmi2Byte bytes[], size_t size)
{
    const int status = begin(c, ANY, "fmi2SerializeFMUstate");
    return (fmi2Status)(status != OK ? status : serialize(c, state, bytes, size));
}

fmi2Status FMI2(fmi2DeSerializeFMUstate)(fmi2Component c, const fmi2Byte bytes[], size_t size, fmi2FMUstate *state)
{
    const int status = begin(c, ANY, "fmi2DeSerializeFMUstate");
    return (fmi2Status)(status != OK ? status : deserialize(c, bytes, size, state));
}

fmi2Status FMI2(fmi2GetDirectionalDerivative)(fmi2Component c, const fmi2ValueReference unknown[], size_t n_unknown,
                                              const fmi2ValueReference known[], size_t n_known, const fmi2Real seed[],
                                              fmi2Real sensitivity[])
{
    int status = begin_list(c, INITIALIZING | RUNNING, "fmi2GetDirectionalDerivative", n_unknown, unknown, sensitivity);
    if (status == OK)
        status = begin_list(c, ANY, "fmi2GetDirectionalDerivative", n_known, known, seed);
    return (fmi2Status)(status != OK ? status : directional(c, unknown, n_unknown, known, n_known, seed, sensitivity));
}

/* Model exchange */

fmi2Status FMI2(fmi2EnterEventMode)(fmi2Component c)
{
    return (fmi2Status)enter(c, EVENTS | CONTINUOUS, EVENTS, "fmi2EnterEventMode");
}

fmi2Status FMI2(fmi2NewDiscreteStates)(fmi2Component c, fmi2EventInfo *info)
{
    int status = begin_list(c, EVENTS, "fmi2NewDiscreteStates", 1, info, info);
    if (status != OK)
        return (fmi2Status)status;
    memset(info, 0, sizeof *info);
    return (fmi2Status)update(c, &info->newDiscreteStatesNeeded, &info->valuesOfContinuousStatesChanged,
                              &info->nextEventTimeDefined, &info->nextEventTime);
}

fmi2Status FMI2(fmi2EnterContinuousTimeMode)(fmi2Component c)
{
    return (fmi2Status)enter(c, EVENTS, CONTINUOUS, "fmi2EnterContinuousTimeMode");
}

fmi2Status FMI2(fmi2CompletedIntegratorStep)(fmi2Component c, fmi2Boolean no_return, fmi2Boolean *event_mode,
                                             fmi2Boolean *terminate)
{
    const int status = begin_list(c, CONTINUOUS, "fmi2CompletedIntegratorStep", 1, event_mode, terminate);
    (void)no_return;
    if (status == OK)
        *event_mode = *terminate = 0;
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2SetTime)(fmi2Component c, fmi2Real time)
{
    const int status = begin(c, EVENTS | CONTINUOUS, "fmi2SetTime");
    return (fmi2Status)(status != OK ? status : set_time(c, time));
}

fmi2Status FMI2(fmi2SetContinuousStates)(fmi2Component c, const fmi2Real x[], size_t n)
{
    const int status = begin_sized(c, EVENTS | CONTINUOUS, "fmi2SetContinuousStates", n, AH_STATES, x);
    return (fmi2Status)(status != OK ? status : set_states(c, x));
}

fmi2Status FMI2(fmi2GetDerivatives)(fmi2Component c, fmi2Real dx[], size_t n)
{
    int status = begin_sized(c, ANY, "fmi2GetDerivatives", n, AH_STATES, dx);
    return (fmi2Status)(status != OK ? status : get_derivatives(c, dx));
}

fmi2Status FMI2(fmi2GetEventIndicators)(fmi2Component c, fmi2Real z[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi2GetEventIndicators", n, AH_EVENTS, z);
    return (fmi2Status)(status != OK ? status : get_events(c, z));
}

fmi2Status FMI2(fmi2GetContinuousStates)(fmi2Component c, fmi2Real x[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi2GetContinuousStates", n, AH_STATES, x);
    return (fmi2Status)(status != OK ? status : get_states(c, x));
}

fmi2Status FMI2(fmi2GetNominalsOfContinuousStates)(fmi2Component c, fmi2Real nominal[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi2GetNominalsOfContinuousStates", n, AH_STATES, nominal);
    return (fmi2Status)(status != OK ? status : get_nominals(nominal));
}

/* Co-simulation */

static int set_motion(Fmu *f, unsigned vr, int order, double value)
{
    int i;
    if (order != 1 || kind_of(f, vr, &i) != INPUT)
        return report(f, ERROR, "no derivative of order %d is taken of the value reference %u", order, vr);
    return assign(f, vr, INITIALIZING | STEPPING, &ah_input_slope(f->model)[i], value * DAY, -DBL_MAX, DBL_MAX);
}

fmi2Status FMI2(fmi2SetRealInputDerivatives)(fmi2Component c, const fmi2ValueReference vr[], size_t n,
                                             const fmi2Integer order[], const fmi2Real value[])
{
    int status = begin_list(c, INITIALIZING | STEPPING, "fmi2SetRealInputDerivatives", n, vr, value);
    if (status == OK)
        status = begin_list(c, ANY, "fmi2SetRealInputDerivatives", n, order, order);
    if (status == OK)
        EACH(n, set_motion(c, vr[k], order[k], value[k]));
    return (fmi2Status)status;
}

fmi2Status FMI2(fmi2GetRealOutputDerivatives)(fmi2Component c, const fmi2ValueReference vr[], size_t n,
                                              const fmi2Integer order[], fmi2Real value[])
{
    int status = begin_list(c, STEPPING | TERMINATED, "fmi2GetRealOutputDerivatives", n, vr, value);
    if (status == OK)
        status = begin_list(c, ANY, "fmi2GetRealOutputDerivatives", n, order, order);
    return (fmi2Status)(status != OK ? status : output_derivatives(c, vr, n, order, value));
}

fmi2Status FMI2(fmi2DoStep)(fmi2Component c, fmi2Real now, fmi2Real size, fmi2Boolean no_return)
{
    const int status = begin(c, STEPPING, "fmi2DoStep");
    (void)no_return;
    return (fmi2Status)(status != OK ? status : step(c, now, size));
}

fmi2Status FMI2(fmi2CancelStep)(fmi2Component c)
{
    const int status = begin(c, ANY, "fmi2CancelStep");
    return (fmi2Status)(status != OK ? status : report(c, ERROR, "no step is under way that could be cancelled"));
}

static fmi2Status no_status(Fmu *f, const char *function)
{
    const int status = begin(f, ANY, function);
    return (fmi2Status)(status != OK ? status : report(f, DISCARD, "%s: no step is under way", function));
}

fmi2Status FMI2(fmi2GetStatus)(fmi2Component c, const fmi2StatusKind kind, fmi2Status *value)
{
    (void)kind;
    (void)value;
    return no_status(c, "fmi2GetStatus");
}

fmi2Status FMI2(fmi2GetRealStatus)(fmi2Component c, const fmi2StatusKind kind, fmi2Real *value)
{
    const int status = begin_list(c, ANY, "fmi2GetRealStatus", 1, value, value);
    if (status != OK || kind != fmi2LastSuccessfulTime)
        return status != OK ? (fmi2Status)status : no_status(c, "fmi2GetRealStatus");
    *value = ((Fmu *)c)->time;
    return fmi2OK;
}

fmi2Status FMI2(fmi2GetIntegerStatus)(fmi2Component c, const fmi2StatusKind kind, fmi2Integer *value)
{
    (void)kind;
    (void)value;
    return no_status(c, "fmi2GetIntegerStatus");
}

fmi2Status FMI2(fmi2GetBooleanStatus)(fmi2Component c, const fmi2StatusKind kind, fmi2Boolean *value)
{
    const int status = begin_list(c, ANY, "fmi2GetBooleanStatus", 1, value, value);
    if (status != OK || kind != fmi2Terminated)
        return status != OK ? (fmi2Status)status : no_status(c, "fmi2GetBooleanStatus");
    *value = 0; /* a plant never asks to end a simulation */
    return fmi2OK;
}

fmi2Status FMI2(fmi2GetStringStatus)(fmi2Component c, const fmi2StatusKind kind, fmi2String *value)
{
    (void)kind;
    (void)value;
    return no_status(c, "fmi2GetStringStatus");
}
