/* The Functional Mock-up Interface 3.0 of a plant: model exchange and co-simulation. */
#include "fmi3_types.h"
#include "fmu.h"
#include "fmu_steps.h"

static void send(const Fmu *f, int status, const char *category, const char *message)
{
    const fmi3LogMessageCallback logger = (fmi3LogMessageCallback)f->logger;
    if (logger != NULL)
        logger(f->environment, (fmi3Status)status, category, message);
}

static int begin_values(Fmu *f, unsigned allowed, const char *function, const fmi3ValueReference *vr, size_t n,
                        const void *values, size_t n_values)
{
    const int status = begin_list(f, allowed, function, n, vr, values);
    if (status != OK)
        return status;
    return n != n_values ? report(f, ERROR, "%s: %lu value references and %lu values", function, (unsigned long)n,
                                  (unsigned long)n_values)
                         : OK;
}

/* What a plant has nothing of. */
static fmi3Status not_provided(Fmu *f, const char *function)
{
    const int status = begin(f, ANY, function);
    return (fmi3Status)(status != OK ? status : report(f, ERROR, "%s is not provided", function));
}

/* Instances */

const char *FMI3(fmi3GetVersion)(void)
{
    return "3.0";
}

fmi3Status FMI3(fmi3SetDebugLogging)(fmi3Instance c, fmi3Boolean on, size_t n, const fmi3String categories[])
{
    const int status = begin(c, ANY, "fmi3SetDebugLogging");
    return (fmi3Status)(status != OK ? status : choose_categories(c, on, n, categories));
}

fmi3Instance FMI3(fmi3InstantiateModelExchange)(fmi3String name, fmi3String token, fmi3String resources,
                                                fmi3Boolean visible, fmi3Boolean logging,
                                                fmi3InstanceEnvironment environment, fmi3LogMessageCallback logger)
{
    (void)resources;
    (void)visible;
    return instantiate(name, token, 0, VR_END, logging, environment, (void (*)(void))logger);
}

fmi3Instance FMI3(fmi3InstantiateCoSimulation)(fmi3String name, fmi3String token, fmi3String resources,
                                               fmi3Boolean visible, fmi3Boolean logging, fmi3Boolean event_mode_used,
                                               fmi3Boolean early_return_allowed,
                                               const fmi3ValueReference intermediate[], size_t n_intermediate,
                                               fmi3InstanceEnvironment environment, fmi3LogMessageCallback logger,
                                               fmi3IntermediateUpdateCallback update_callback)
{
    (void)resources;
    (void)visible;
    (void)early_return_allowed;
    (void)intermediate;
    (void)n_intermediate;
    (void)update_callback;
    if (event_mode_used) {
        if (logger != NULL)
            logger(environment, fmi3Error, "logStatusError", "a co-simulation passes its events itself: no event mode");
        return NULL;
    }
    return instantiate(name, token, 1, VR_END, logging, environment, (void (*)(void))logger);
}

fmi3Instance FMI3(fmi3InstantiateScheduledExecution)(
    fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible, fmi3Boolean logging,
    fmi3InstanceEnvironment environment, fmi3LogMessageCallback logger, fmi3ClockUpdateCallback clock_update,
    fmi3LockPreemptionCallback lock, fmi3UnlockPreemptionCallback unlock)
{
    (void)name;
    (void)token;
    (void)resources;
    (void)visible;
    (void)logging;
    (void)clock_update;
    (void)lock;
    (void)unlock;
    if (logger != NULL)
        logger(environment, fmi3Error, "logStatusError", "scheduled execution is not provided");
    return NULL;
}

void FMI3(fmi3FreeInstance)(fmi3Instance c)
{
    free_instance(c);
}

fmi3Status FMI3(fmi3EnterInitializationMode)(fmi3Instance c, fmi3Boolean tolerance_defined, fmi3Float64 tolerance,
                                             fmi3Float64 start, fmi3Boolean stop_defined, fmi3Float64 stop)
{
    int status = begin(c, INSTANTIATED, "fmi3EnterInitializationMode");
    if (status == OK)
        status = initialize(c, tolerance_defined, tolerance, start, stop_defined, stop);
    return (fmi3Status)(status != OK ? status
                                     : enter(c, INSTANTIATED, INITIALIZING, "fmi3EnterInitializationMode"));
}

fmi3Status FMI3(fmi3ExitInitializationMode)(fmi3Instance c)
{
    return (fmi3Status)exit_initialization(c, "fmi3ExitInitializationMode");
}

fmi3Status FMI3(fmi3EnterEventMode)(fmi3Instance c)
{
    return (fmi3Status)enter(c, CONTINUOUS, EVENTS, "fmi3EnterEventMode");
}

fmi3Status FMI3(fmi3Terminate)(fmi3Instance c)
{
    return (fmi3Status)enter(c, RUNNING, TERMINATED, "fmi3Terminate");
}

fmi3Status FMI3(fmi3Reset)(fmi3Instance c)
{
    const int status = begin(c, ANY, "fmi3Reset");
    return (fmi3Status)(status != OK ? status : reset(c));
}

/* Variables */

#define GETTER(type, get)                                                                                              \
    fmi3Status FMI3(fmi3Get##type)(fmi3Instance c, const fmi3ValueReference vr[], size_t n, fmi3##type values[],       \
                                   size_t n_values)                                                                    \
    {                                                                                                                  \
        size_t k;                                                                                                      \
        int status = begin_values(c, ANY, "fmi3Get" #type, vr, n, values, n_values);                                   \
        for (k = 0; k < n && status == OK; k++)                                                                        \
            status = get;                                                                                              \
        return (fmi3Status)status;                                                                                     \
    }

#define SETTER(type, set)                                                                                              \
    fmi3Status FMI3(fmi3Set##type)(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const fmi3##type values[], \
                                   size_t n_values)                                                                    \
    {                                                                                                                  \
        size_t k;                                                                                                      \
        int status = begin_values(c, BEFORE | RUNNING, "fmi3Set" #type, vr, n, values, n_values);                      \
        for (k = 0; k < n && status == OK; k++)                                                                        \
            status = set;                                                                                              \
        return (fmi3Status)status;                                                                                     \
    }

#define NONE_OF(type)                                                                                                  \
    GETTER(type, not_there(c, vr[k], #type))                                                                           \
    SETTER(type, not_there(c, vr[k], #type))

static int get_boolean(Fmu *f, unsigned vr, fmi3Boolean *value)
{
    int found = 0;
    const int status = get_switch(f, vr, &found);
    if (status == OK)
        *value = found != 0;
    return status;
}

GETTER(Float64, get_real(c, vr[k], &values[k]))
SETTER(Float64, set_real(c, vr[k], values[k]))
GETTER(Int32, get_member(c, vr[k], &values[k]))
SETTER(Int32, set_member(c, vr[k], values[k]))
GETTER(Boolean, get_boolean(c, vr[k], &values[k]))
SETTER(Boolean, set_switch(c, vr[k], values[k]))
NONE_OF(Float32)
NONE_OF(Int8)
NONE_OF(UInt8)
NONE_OF(Int16)
NONE_OF(UInt16)
NONE_OF(UInt32)
NONE_OF(Int64)
NONE_OF(UInt64)
NONE_OF(String)

fmi3Status FMI3(fmi3GetBinary)(fmi3Instance c, const fmi3ValueReference vr[], size_t n, size_t sizes[],
                               fmi3Binary values[], size_t n_values)
{
    (void)vr;
    (void)sizes;
    (void)values;
    (void)n_values;
    return n == 0 ? (fmi3Status)begin(c, ANY, "fmi3GetBinary") : not_provided(c, "fmi3GetBinary");
}

fmi3Status FMI3(fmi3SetBinary)(fmi3Instance c, const fmi3ValueReference vr[], size_t n, const size_t sizes[],
                               const fmi3Binary values[], size_t n_values)
{
    (void)vr;
    (void)sizes;
    (void)values;
    (void)n_values;
    return n == 0 ? (fmi3Status)begin(c, ANY, "fmi3SetBinary") : not_provided(c, "fmi3SetBinary");
}

fmi3Status FMI3(fmi3GetNumberOfVariableDependencies)(fmi3Instance c, fmi3ValueReference vr, size_t *n)
{
    (void)vr;
    (void)n;
    return not_provided(c, "fmi3GetNumberOfVariableDependencies");
}

fmi3Status FMI3(fmi3GetVariableDependencies)(fmi3Instance c, fmi3ValueReference dependent, size_t dependent_elements[],
                                             fmi3ValueReference independents[], size_t independent_elements[],
                                             fmi3DependencyKind kinds[], size_t n)
{
    (void)dependent;
    (void)dependent_elements;
    (void)independents;
    (void)independent_elements;
    (void)kinds;
    (void)n;
    return not_provided(c, "fmi3GetVariableDependencies");
}

/* Saved states */

fmi3Status FMI3(fmi3GetFMUState)(fmi3Instance c, fmi3FMUState *state)
{
    const int status = begin_list(c, ANY, "fmi3GetFMUState", 1, state, state);
    return (fmi3Status)(status != OK ? status : save(c, state));
}

fmi3Status FMI3(fmi3SetFMUState)(fmi3Instance c, fmi3FMUState state)
{
    const int status = begin(c, ANY, "fmi3SetFMUState");
    return (fmi3Status)(status != OK ? status : restore(c, state));
}

fmi3Status FMI3(fmi3FreeFMUState)(fmi3Instance c, fmi3FMUState *state)
{
    const int status = begin(c, ANY, "fmi3FreeFMUState");
    return (fmi3Status)(status != OK ? status : free_state(state));
}

fmi3Status FMI3(fmi3SerializedFMUStateSize)(fmi3Instance c, fmi3FMUState state, size_t *size)
{
    const int status = begin(c, ANY, "fmi3SerializedFMUStateSize");
    return (fmi3Status)(status != OK ? status : state_size(c, state, size));
}

fmi3Status FMI3(fmi3SerializeFMUState)(fmi3Instance c, fmi3FMUState state, fmi3Byte bytes[], size_t size)
{
    const int status = begin(c, ANY, "fmi3SerializeFMUState");
    return (fmi3Status)(status != OK ? status : serialize(c, state, bytes, size));
}

fmi3Status FMI3(fmi3DeserializeFMUState)(fmi3Instance c, const fmi3Byte bytes[], size_t size, fmi3FMUState *state)
{
    const int status = begin(c, ANY, "fmi3DeserializeFMUState");
    return (fmi3Status)(status != OK ? status : deserialize(c, bytes, size, state));
}

/* Derivatives */

fmi3Status FMI3(fmi3GetDirectionalDerivative)(fmi3Instance c, const fmi3ValueReference unknowns[], size_t n_unknowns,
                                              const fmi3ValueReference knowns[], size_t n_knowns,
                                              const fmi3Float64 seed[], size_t n_seed, fmi3Float64 sensitivity[],
                                              size_t n_sensitivity)
{
    const char *const name = "fmi3GetDirectionalDerivative";
    int status = begin_values(c, INITIALIZING | RUNNING, name, unknowns, n_unknowns, sensitivity, n_sensitivity);
    if (status == OK)
        status = begin_values(c, ANY, name, knowns, n_knowns, seed, n_seed);
    return (fmi3Status)(status != OK ? status
                                     : directional(c, unknowns, n_unknowns, knowns, n_knowns, seed, sensitivity));
}

fmi3Status FMI3(fmi3GetAdjointDerivative)(fmi3Instance c, const fmi3ValueReference unknowns[], size_t n_unknowns,
                                          const fmi3ValueReference knowns[], size_t n_knowns, const fmi3Float64 seed[],
                                          size_t n_seed, fmi3Float64 sensitivity[], size_t n_sensitivity)
{
    (void)unknowns;
    (void)n_unknowns;
    (void)knowns;
    (void)n_knowns;
    (void)seed;
    (void)n_seed;
    (void)sensitivity;
    (void)n_sensitivity;
    return not_provided(c, "fmi3GetAdjointDerivative");
}

/* Configuration and clocks: a plant has none. */

fmi3Status FMI3(fmi3EnterConfigurationMode)(fmi3Instance c)
{
    return not_provided(c, "fmi3EnterConfigurationMode");
}

fmi3Status FMI3(fmi3ExitConfigurationMode)(fmi3Instance c)
{
    return not_provided(c, "fmi3ExitConfigurationMode");
}

#define NO_CLOCK(name, ...)                                                                                            \
    fmi3Status FMI3(name)(fmi3Instance c, const fmi3ValueReference vr[], size_t n, __VA_ARGS__)                        \
    {                                                                                                                  \
        (void)vr;                                                                                                      \
        UNUSED_##name;                                                                                                 \
        return n == 0 ? (fmi3Status)begin(c, ANY, #name) : not_provided(c, #name);                                     \
    }

#define UNUSED_fmi3GetClock (void)a
#define UNUSED_fmi3SetClock (void)a
#define UNUSED_fmi3GetIntervalDecimal (void)a, (void)b
#define UNUSED_fmi3GetIntervalFraction (void)a, (void)b, (void)d
#define UNUSED_fmi3GetShiftDecimal (void)a
#define UNUSED_fmi3GetShiftFraction (void)a, (void)b
#define UNUSED_fmi3SetIntervalDecimal (void)a
#define UNUSED_fmi3SetIntervalFraction (void)a, (void)b
#define UNUSED_fmi3SetShiftDecimal (void)a
#define UNUSED_fmi3SetShiftFraction (void)a, (void)b

NO_CLOCK(fmi3GetClock, fmi3Clock a[])
NO_CLOCK(fmi3SetClock, const fmi3Clock a[])
NO_CLOCK(fmi3GetIntervalDecimal, fmi3Float64 a[], fmi3IntervalQualifier b[])
NO_CLOCK(fmi3GetIntervalFraction, fmi3UInt64 a[], fmi3UInt64 b[], fmi3IntervalQualifier d[])
NO_CLOCK(fmi3GetShiftDecimal, fmi3Float64 a[])
NO_CLOCK(fmi3GetShiftFraction, fmi3UInt64 a[], fmi3UInt64 b[])
NO_CLOCK(fmi3SetIntervalDecimal, const fmi3Float64 a[])
NO_CLOCK(fmi3SetIntervalFraction, const fmi3UInt64 a[], const fmi3UInt64 b[])
NO_CLOCK(fmi3SetShiftDecimal, const fmi3Float64 a[])
NO_CLOCK(fmi3SetShiftFraction, const fmi3UInt64 a[], const fmi3UInt64 b[])

fmi3Status FMI3(fmi3ActivateModelPartition)(fmi3Instance c, fmi3ValueReference clock, fmi3Float64 time)
{
    (void)clock;
    (void)time;
    return not_provided(c, "fmi3ActivateModelPartition");
}

/* Events */

fmi3Status FMI3(fmi3EvaluateDiscreteStates)(fmi3Instance c)
{
    return not_provided(c, "fmi3EvaluateDiscreteStates");
}

fmi3Status FMI3(fmi3UpdateDiscreteStates)(fmi3Instance c, fmi3Boolean *again, fmi3Boolean *terminate,
                                          fmi3Boolean *nominals_changed, fmi3Boolean *values_changed,
                                          fmi3Boolean *next_defined, fmi3Float64 *next)
{
    const char *const name = "fmi3UpdateDiscreteStates";
    int more = 0, moved = 0, defined = 0;
    int status = begin_list(c, EVENTS, name, 1, again, terminate);
    if (status == OK)
        status = begin_list(c, EVENTS, name, 1, nominals_changed, values_changed);
    if (status == OK)
        status = begin_list(c, EVENTS, name, 1, next_defined, next);
    if (status == OK)
        status = update(c, &more, &moved, &defined, next);
    if (status == OK) {
        *again = more != 0;
        *terminate = false;
        *nominals_changed = false;
        *values_changed = moved != 0;
        *next_defined = defined != 0;
    }
    return (fmi3Status)status;
}

/* Model exchange */

fmi3Status FMI3(fmi3EnterContinuousTimeMode)(fmi3Instance c)
{
    return (fmi3Status)enter(c, EVENTS, CONTINUOUS, "fmi3EnterContinuousTimeMode");
}

fmi3Status FMI3(fmi3CompletedIntegratorStep)(fmi3Instance c, fmi3Boolean no_return, fmi3Boolean *event_mode,
                                             fmi3Boolean *terminate)
{
    const int status = begin_list(c, CONTINUOUS, "fmi3CompletedIntegratorStep", 1, event_mode, terminate);
    (void)no_return;
    if (status == OK)
        *event_mode = *terminate = false;
    return (fmi3Status)status;
}

fmi3Status FMI3(fmi3SetTime)(fmi3Instance c, fmi3Float64 time)
{
    const int status = begin(c, EVENTS | CONTINUOUS, "fmi3SetTime");
    return (fmi3Status)(status != OK ? status : set_time(c, time));
}

fmi3Status FMI3(fmi3SetContinuousStates)(fmi3Instance c, const fmi3Float64 x[], size_t n)
{
    const int status = begin_sized(c, EVENTS | CONTINUOUS, "fmi3SetContinuousStates", n, AH_STATES, x);
    return (fmi3Status)(status != OK ? status : set_states(c, x));
}

fmi3Status FMI3(fmi3GetContinuousStateDerivatives)(fmi3Instance c, fmi3Float64 dx[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi3GetContinuousStateDerivatives", n, AH_STATES, dx);
    return (fmi3Status)(status != OK ? status : get_derivatives(c, dx));
}

fmi3Status FMI3(fmi3GetEventIndicators)(fmi3Instance c, fmi3Float64 z[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi3GetEventIndicators", n, AH_EVENTS, z);
    return (fmi3Status)(status != OK ? status : get_events(c, z));
}

fmi3Status FMI3(fmi3GetContinuousStates)(fmi3Instance c, fmi3Float64 x[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi3GetContinuousStates", n, AH_STATES, x);
    return (fmi3Status)(status != OK ? status : get_states(c, x));
}

fmi3Status FMI3(fmi3GetNominalsOfContinuousStates)(fmi3Instance c, fmi3Float64 nominal[], size_t n)
{
    const int status = begin_sized(c, ANY, "fmi3GetNominalsOfContinuousStates", n, AH_STATES, nominal);
    return (fmi3Status)(status != OK ? status : get_nominals(nominal));
}

fmi3Status FMI3(fmi3GetNumberOfEventIndicators)(fmi3Instance c, size_t *n)
{
    const int status = begin_list(c, ANY, "fmi3GetNumberOfEventIndicators", 1, n, n);
    if (status == OK)
        *n = AH_EVENTS;
    return (fmi3Status)status;
}

fmi3Status FMI3(fmi3GetNumberOfContinuousStates)(fmi3Instance c, size_t *n)
{
    const int status = begin_list(c, ANY, "fmi3GetNumberOfContinuousStates", 1, n, n);
    if (status == OK)
        *n = AH_STATES;
    return (fmi3Status)status;
}

/* Co-simulation */

fmi3Status FMI3(fmi3EnterStepMode)(fmi3Instance c)
{
    return not_provided(c, "fmi3EnterStepMode");
}

fmi3Status FMI3(fmi3GetOutputDerivatives)(fmi3Instance c, const fmi3ValueReference vr[], size_t n,
                                          const fmi3Int32 orders[], fmi3Float64 values[], size_t n_values)
{
    int status = begin_values(c, STEPPING | TERMINATED, "fmi3GetOutputDerivatives", vr, n, values, n_values);
    if (status == OK)
        status = begin_list(c, ANY, "fmi3GetOutputDerivatives", n, orders, orders);
    return (fmi3Status)(status != OK ? status : output_derivatives(c, vr, n, orders, values));
}

fmi3Status FMI3(fmi3DoStep)(fmi3Instance c, fmi3Float64 now, fmi3Float64 size, fmi3Boolean no_return,
                            fmi3Boolean *event_handling, fmi3Boolean *terminate, fmi3Boolean *early_return,
                            fmi3Float64 *last_time)
{
    int status = begin_list(c, STEPPING, "fmi3DoStep", 1, event_handling, terminate);
    (void)no_return;
    if (status == OK)
        status = begin_list(c, STEPPING, "fmi3DoStep", 1, early_return, last_time);
    if (status != OK)
        return (fmi3Status)status;
    *event_handling = *terminate = *early_return = false;
    status = step(c, now, size);
    *last_time = ((Fmu *)c)->time;
    return (fmi3Status)status;
}
