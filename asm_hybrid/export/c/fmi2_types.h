/* Types and functions of the Functional Mock-up Interface 2.0, declared as its specification describes them. */
#ifndef FMI2_TYPES_H
#define FMI2_TYPES_H

#include <stddef.h>

/* Names carry a prefix where the sources are linked statically: FMI2_FUNCTION_PREFIX, unless FMI2_OVERRIDE_FUNCTION_PREFIX. */
#if defined FMI2_FUNCTION_PREFIX && !defined FMI2_OVERRIDE_FUNCTION_PREFIX
#define FMI2_JOINED(prefix, name) prefix##name
#define FMI2_JOIN(prefix, name) FMI2_JOINED(prefix, name)
#define FMI2(name) FMI2_JOIN(FMI2_FUNCTION_PREFIX, name)
#define FMI2_EXPORT
#else
#define FMI2(name) name
#if defined _WIN32 || defined __CYGWIN__
#define FMI2_EXPORT __declspec(dllexport)
#elif defined __GNUC__
#define FMI2_EXPORT __attribute__((visibility("default")))
#else
#define FMI2_EXPORT
#endif
#endif

typedef void *fmi2Component;
typedef void *fmi2ComponentEnvironment;
typedef void *fmi2FMUstate;
typedef unsigned int fmi2ValueReference;
typedef double fmi2Real;
typedef int fmi2Integer;
typedef int fmi2Boolean;
typedef char fmi2Char;
typedef const fmi2Char *fmi2String;
typedef char fmi2Byte;

typedef enum { fmi2OK, fmi2Warning, fmi2Discard, fmi2Error, fmi2Fatal, fmi2Pending } fmi2Status;
typedef enum { fmi2ModelExchange, fmi2CoSimulation } fmi2Type;
typedef enum { fmi2DoStepStatus, fmi2PendingStatus, fmi2LastSuccessfulTime, fmi2Terminated } fmi2StatusKind;

typedef void (*fmi2CallbackLogger)(fmi2ComponentEnvironment, fmi2String name, fmi2Status, fmi2String category,
                                   fmi2String message, ...);

typedef struct {
    fmi2CallbackLogger logger;
    void *(*allocateMemory)(size_t count, size_t size);
    void (*freeMemory)(void *block);
    void (*stepFinished)(fmi2ComponentEnvironment, fmi2Status);
    fmi2ComponentEnvironment componentEnvironment;
} fmi2CallbackFunctions;

typedef struct {
    fmi2Boolean newDiscreteStatesNeeded;
    fmi2Boolean terminateSimulation;
    fmi2Boolean nominalsOfContinuousStatesChanged;
    fmi2Boolean valuesOfContinuousStatesChanged;
    fmi2Boolean nextEventTimeDefined;
    fmi2Real nextEventTime;
} fmi2EventInfo;

/* both kinds */
FMI2_EXPORT const char *FMI2(fmi2GetTypesPlatform)(void);
FMI2_EXPORT const char *FMI2(fmi2GetVersion)(void);
FMI2_EXPORT fmi2Status FMI2(fmi2SetDebugLogging)(fmi2Component, fmi2Boolean on, size_t n, const fmi2String categories[]);
FMI2_EXPORT fmi2Component FMI2(fmi2Instantiate)(fmi2String name, fmi2Type, fmi2String guid, fmi2String resources,
                                                const fmi2CallbackFunctions *, fmi2Boolean visible,
                                                fmi2Boolean logging);
FMI2_EXPORT void FMI2(fmi2FreeInstance)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2SetupExperiment)(fmi2Component, fmi2Boolean tolerance_defined, fmi2Real tolerance,
                                                 fmi2Real start, fmi2Boolean stop_defined, fmi2Real stop);
FMI2_EXPORT fmi2Status FMI2(fmi2EnterInitializationMode)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2ExitInitializationMode)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2Terminate)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2Reset)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2GetReal)(fmi2Component, const fmi2ValueReference[], size_t, fmi2Real[]);
FMI2_EXPORT fmi2Status FMI2(fmi2GetInteger)(fmi2Component, const fmi2ValueReference[], size_t, fmi2Integer[]);
FMI2_EXPORT fmi2Status FMI2(fmi2GetBoolean)(fmi2Component, const fmi2ValueReference[], size_t, fmi2Boolean[]);
FMI2_EXPORT fmi2Status FMI2(fmi2GetString)(fmi2Component, const fmi2ValueReference[], size_t, fmi2String[]);
FMI2_EXPORT fmi2Status FMI2(fmi2SetReal)(fmi2Component, const fmi2ValueReference[], size_t, const fmi2Real[]);
FMI2_EXPORT fmi2Status FMI2(fmi2SetInteger)(fmi2Component, const fmi2ValueReference[], size_t, const fmi2Integer[]);
FMI2_EXPORT fmi2Status FMI2(fmi2SetBoolean)(fmi2Component, const fmi2ValueReference[], size_t, const fmi2Boolean[]);
FMI2_EXPORT fmi2Status FMI2(fmi2SetString)(fmi2Component, const fmi2ValueReference[], size_t, const fmi2String[]);
FMI2_EXPORT fmi2Status FMI2(fmi2GetFMUstate)(fmi2Component, fmi2FMUstate *);
FMI2_EXPORT fmi2Status FMI2(fmi2SetFMUstate)(fmi2Component, fmi2FMUstate);
FMI2_EXPORT fmi2Status FMI2(fmi2FreeFMUstate)(fmi2Component, fmi2FMUstate *);
FMI2_EXPORT fmi2Status FMI2(fmi2SerializedFMUstateSize)(fmi2Component, fmi2FMUstate, size_t *size);
FMI2_EXPORT fmi2Status FMI2(fmi2SerializeFMUstate)(fmi2Component, fmi2FMUstate, fmi2Byte[], size_t size);
FMI2_EXPORT fmi2Status FMI2(fmi2DeSerializeFMUstate)(fmi2Component, const fmi2Byte[], size_t size, fmi2FMUstate *);
FMI2_EXPORT fmi2Status FMI2(fmi2GetDirectionalDerivative)(fmi2Component, const fmi2ValueReference unknown[],
                                                          size_t n_unknown, const fmi2ValueReference known[],
                                                          size_t n_known, const fmi2Real seed[],
                                                          fmi2Real sensitivity[]);
/* model exchange */
FMI2_EXPORT fmi2Status FMI2(fmi2EnterEventMode)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2NewDiscreteStates)(fmi2Component, fmi2EventInfo *);
FMI2_EXPORT fmi2Status FMI2(fmi2EnterContinuousTimeMode)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2CompletedIntegratorStep)(fmi2Component, fmi2Boolean, fmi2Boolean *event_mode,
                                                         fmi2Boolean *terminate);
FMI2_EXPORT fmi2Status FMI2(fmi2SetTime)(fmi2Component, fmi2Real time);
FMI2_EXPORT fmi2Status FMI2(fmi2SetContinuousStates)(fmi2Component, const fmi2Real x[], size_t n);
FMI2_EXPORT fmi2Status FMI2(fmi2GetDerivatives)(fmi2Component, fmi2Real dx[], size_t n);
FMI2_EXPORT fmi2Status FMI2(fmi2GetEventIndicators)(fmi2Component, fmi2Real z[], size_t n);
FMI2_EXPORT fmi2Status FMI2(fmi2GetContinuousStates)(fmi2Component, fmi2Real x[], size_t n);
FMI2_EXPORT fmi2Status FMI2(fmi2GetNominalsOfContinuousStates)(fmi2Component, fmi2Real nominal[], size_t n);
/* co-simulation */
FMI2_EXPORT fmi2Status FMI2(fmi2SetRealInputDerivatives)(fmi2Component, const fmi2ValueReference[], size_t,
                                                         const fmi2Integer order[], const fmi2Real[]);
FMI2_EXPORT fmi2Status FMI2(fmi2GetRealOutputDerivatives)(fmi2Component, const fmi2ValueReference[], size_t,
                                                          const fmi2Integer order[], fmi2Real[]);
FMI2_EXPORT fmi2Status FMI2(fmi2DoStep)(fmi2Component, fmi2Real now, fmi2Real size, fmi2Boolean);
FMI2_EXPORT fmi2Status FMI2(fmi2CancelStep)(fmi2Component);
FMI2_EXPORT fmi2Status FMI2(fmi2GetStatus)(fmi2Component, const fmi2StatusKind, fmi2Status *);
FMI2_EXPORT fmi2Status FMI2(fmi2GetRealStatus)(fmi2Component, const fmi2StatusKind, fmi2Real *);
FMI2_EXPORT fmi2Status FMI2(fmi2GetIntegerStatus)(fmi2Component, const fmi2StatusKind, fmi2Integer *);
FMI2_EXPORT fmi2Status FMI2(fmi2GetBooleanStatus)(fmi2Component, const fmi2StatusKind, fmi2Boolean *);
FMI2_EXPORT fmi2Status FMI2(fmi2GetStringStatus)(fmi2Component, const fmi2StatusKind, fmi2String *);

#endif
