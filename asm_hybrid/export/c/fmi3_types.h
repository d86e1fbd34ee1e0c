/* Types and functions of the Functional Mock-up Interface 3.0, declared as its specification describes them. */
#ifndef FMI3_TYPES_H
#define FMI3_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names carry a prefix where the sources are linked statically: FMI3_FUNCTION_PREFIX, unless FMI3_OVERRIDE_FUNCTION_PREFIX. */
#if defined FMI3_FUNCTION_PREFIX && !defined FMI3_OVERRIDE_FUNCTION_PREFIX
#define FMI3_JOINED(prefix, name) prefix##name
#define FMI3_JOIN(prefix, name) FMI3_JOINED(prefix, name)
#define FMI3(name) FMI3_JOIN(FMI3_FUNCTION_PREFIX, name)
#define FMI3_EXPORT
#else
#define FMI3(name) name
#if defined _WIN32 || defined __CYGWIN__
#define FMI3_EXPORT __declspec(dllexport)
#elif defined __GNUC__
#define FMI3_EXPORT __attribute__((visibility("default")))
#else
#define FMI3_EXPORT
#endif
#endif

typedef void *fmi3Instance;
typedef void *fmi3InstanceEnvironment;
typedef void *fmi3FMUState;
typedef uint32_t fmi3ValueReference;
typedef float fmi3Float32;
typedef double fmi3Float64;
typedef int8_t fmi3Int8;
typedef uint8_t fmi3UInt8;
typedef int16_t fmi3Int16;
typedef uint16_t fmi3UInt16;
typedef int32_t fmi3Int32;
typedef uint32_t fmi3UInt32;
typedef int64_t fmi3Int64;
typedef uint64_t fmi3UInt64;
typedef bool fmi3Boolean;
typedef char fmi3Char;
typedef const fmi3Char *fmi3String;
typedef uint8_t fmi3Byte;
typedef const fmi3Byte *fmi3Binary;
typedef bool fmi3Clock;

typedef enum { fmi3OK, fmi3Warning, fmi3Discard, fmi3Error, fmi3Fatal } fmi3Status;
typedef enum {
    fmi3Independent,
    fmi3Constant,
    fmi3Fixed,
    fmi3Tunable,
    fmi3Discrete,
    fmi3Dependent
} fmi3DependencyKind;
typedef enum { fmi3IntervalNotYetKnown, fmi3IntervalUnchanged, fmi3IntervalChanged } fmi3IntervalQualifier;

typedef void (*fmi3LogMessageCallback)(fmi3InstanceEnvironment, fmi3Status, fmi3String category, fmi3String message);
typedef void (*fmi3ClockUpdateCallback)(fmi3InstanceEnvironment);
typedef void (*fmi3IntermediateUpdateCallback)(fmi3InstanceEnvironment, fmi3Float64 time, fmi3Boolean set_requested,
                                               fmi3Boolean get_allowed, fmi3Boolean step_finished,
                                               fmi3Boolean can_return_early, fmi3Boolean *early_return,
                                               fmi3Float64 *early_return_time);
typedef void (*fmi3LockPreemptionCallback)(void);
typedef void (*fmi3UnlockPreemptionCallback)(void);

/* both kinds */
FMI3_EXPORT const char *FMI3(fmi3GetVersion)(void);
FMI3_EXPORT fmi3Status FMI3(fmi3SetDebugLogging)(fmi3Instance, fmi3Boolean on, size_t n, const fmi3String categories[]);
FMI3_EXPORT fmi3Instance FMI3(fmi3InstantiateModelExchange)(
    fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible, fmi3Boolean logging,
    fmi3InstanceEnvironment, fmi3LogMessageCallback);
FMI3_EXPORT fmi3Instance FMI3(fmi3InstantiateCoSimulation)(
    fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible, fmi3Boolean logging, fmi3Boolean
    event_mode_used, fmi3Boolean early_return_allowed, const fmi3ValueReference intermediate[], size_t
    n_intermediate, fmi3InstanceEnvironment, fmi3LogMessageCallback, fmi3IntermediateUpdateCallback);
FMI3_EXPORT fmi3Instance FMI3(fmi3InstantiateScheduledExecution)(
    fmi3String name, fmi3String token, fmi3String resources, fmi3Boolean visible, fmi3Boolean logging,
    fmi3InstanceEnvironment, fmi3LogMessageCallback, fmi3ClockUpdateCallback, fmi3LockPreemptionCallback,
    fmi3UnlockPreemptionCallback);
FMI3_EXPORT void FMI3(fmi3FreeInstance)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3EnterInitializationMode)(
    fmi3Instance, fmi3Boolean tolerance_defined, fmi3Float64 tolerance, fmi3Float64 start, fmi3Boolean stop_defined,
    fmi3Float64 stop);
FMI3_EXPORT fmi3Status FMI3(fmi3ExitInitializationMode)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3EnterEventMode)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3Terminate)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3Reset)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3GetFloat32)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Float32[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetFloat64)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Float64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetInt8)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Int8[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetUInt8)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3UInt8[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetInt16)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Int16[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetUInt16)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3UInt16[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetInt32)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Int32[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetUInt32)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3UInt32[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetInt64)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Int64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetUInt64)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3UInt64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetBoolean)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Boolean[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetString)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3String[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetBinary)(
    fmi3Instance, const fmi3ValueReference[], size_t, size_t sizes[], fmi3Binary[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3GetClock)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Clock[]);
FMI3_EXPORT fmi3Status FMI3(fmi3SetFloat32)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Float32[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetFloat64)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Float64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetInt8)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Int8[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetUInt8)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3UInt8[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetInt16)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Int16[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetUInt16)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3UInt16[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetInt32)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Int32[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetUInt32)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3UInt32[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetInt64)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Int64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetUInt64)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3UInt64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetBoolean)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Boolean[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetString)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3String[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetBinary)(
    fmi3Instance, const fmi3ValueReference[], size_t, const size_t sizes[], const fmi3Binary[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3SetClock)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Clock[]);
FMI3_EXPORT fmi3Status FMI3(fmi3GetNumberOfVariableDependencies)(fmi3Instance, fmi3ValueReference, size_t *n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetVariableDependencies)(
    fmi3Instance, fmi3ValueReference dependent, size_t dependent_elements[], fmi3ValueReference independents[],
    size_t independent_elements[], fmi3DependencyKind kinds[], size_t n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetFMUState)(fmi3Instance, fmi3FMUState *);
FMI3_EXPORT fmi3Status FMI3(fmi3SetFMUState)(fmi3Instance, fmi3FMUState);
FMI3_EXPORT fmi3Status FMI3(fmi3FreeFMUState)(fmi3Instance, fmi3FMUState *);
FMI3_EXPORT fmi3Status FMI3(fmi3SerializedFMUStateSize)(fmi3Instance, fmi3FMUState, size_t *size);
FMI3_EXPORT fmi3Status FMI3(fmi3SerializeFMUState)(fmi3Instance, fmi3FMUState, fmi3Byte[], size_t size);
FMI3_EXPORT fmi3Status FMI3(fmi3DeserializeFMUState)(fmi3Instance, const fmi3Byte[], size_t size, fmi3FMUState *);
FMI3_EXPORT fmi3Status FMI3(fmi3GetDirectionalDerivative)(
    fmi3Instance, const fmi3ValueReference unknowns[], size_t n_unknowns, const fmi3ValueReference knowns[], size_t
    n_knowns, const fmi3Float64 seed[], size_t n_seed, fmi3Float64 sensitivity[], size_t n_sensitivity);
FMI3_EXPORT fmi3Status FMI3(fmi3GetAdjointDerivative)(
    fmi3Instance, const fmi3ValueReference unknowns[], size_t n_unknowns, const fmi3ValueReference knowns[], size_t
    n_knowns, const fmi3Float64 seed[], size_t n_seed, fmi3Float64 sensitivity[], size_t n_sensitivity);
FMI3_EXPORT fmi3Status FMI3(fmi3EnterConfigurationMode)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3ExitConfigurationMode)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3GetIntervalDecimal)(
    fmi3Instance, const fmi3ValueReference[], size_t, fmi3Float64[], fmi3IntervalQualifier[]);
FMI3_EXPORT fmi3Status FMI3(fmi3GetIntervalFraction)(
    fmi3Instance, const fmi3ValueReference[], size_t, fmi3UInt64 counters[], fmi3UInt64 resolutions[],
    fmi3IntervalQualifier[]);
FMI3_EXPORT fmi3Status FMI3(fmi3GetShiftDecimal)(fmi3Instance, const fmi3ValueReference[], size_t, fmi3Float64[]);
FMI3_EXPORT fmi3Status FMI3(fmi3GetShiftFraction)(
    fmi3Instance, const fmi3ValueReference[], size_t, fmi3UInt64 counters[], fmi3UInt64 resolutions[]);
FMI3_EXPORT fmi3Status FMI3(fmi3SetIntervalDecimal)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Float64[]);
FMI3_EXPORT fmi3Status FMI3(fmi3SetIntervalFraction)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3UInt64 counters[], const fmi3UInt64 resolutions[]);
FMI3_EXPORT fmi3Status FMI3(fmi3SetShiftDecimal)(fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Float64[]);
FMI3_EXPORT fmi3Status FMI3(fmi3SetShiftFraction)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3UInt64 counters[], const fmi3UInt64 resolutions[]);
FMI3_EXPORT fmi3Status FMI3(fmi3EvaluateDiscreteStates)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3UpdateDiscreteStates)(
    fmi3Instance, fmi3Boolean *again, fmi3Boolean *terminate, fmi3Boolean *nominals_changed, fmi3Boolean
    *values_changed, fmi3Boolean *next_defined, fmi3Float64 *next);
/* model exchange */
FMI3_EXPORT fmi3Status FMI3(fmi3EnterContinuousTimeMode)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3CompletedIntegratorStep)(
    fmi3Instance, fmi3Boolean, fmi3Boolean *event_mode, fmi3Boolean *terminate);
FMI3_EXPORT fmi3Status FMI3(fmi3SetTime)(fmi3Instance, fmi3Float64 time);
FMI3_EXPORT fmi3Status FMI3(fmi3SetContinuousStates)(fmi3Instance, const fmi3Float64 x[], size_t n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetContinuousStateDerivatives)(fmi3Instance, fmi3Float64 dx[], size_t n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetEventIndicators)(fmi3Instance, fmi3Float64 z[], size_t n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetContinuousStates)(fmi3Instance, fmi3Float64 x[], size_t n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetNominalsOfContinuousStates)(fmi3Instance, fmi3Float64 nominal[], size_t n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetNumberOfEventIndicators)(fmi3Instance, size_t *n);
FMI3_EXPORT fmi3Status FMI3(fmi3GetNumberOfContinuousStates)(fmi3Instance, size_t *n);
/* co-simulation */
FMI3_EXPORT fmi3Status FMI3(fmi3EnterStepMode)(fmi3Instance);
FMI3_EXPORT fmi3Status FMI3(fmi3GetOutputDerivatives)(
    fmi3Instance, const fmi3ValueReference[], size_t, const fmi3Int32 orders[], fmi3Float64[], size_t);
FMI3_EXPORT fmi3Status FMI3(fmi3DoStep)(
    fmi3Instance, fmi3Float64 now, fmi3Float64 size, fmi3Boolean, fmi3Boolean *event_handling, fmi3Boolean
    *terminate, fmi3Boolean *early_return, fmi3Float64 *last_time);
/* scheduled execution */
FMI3_EXPORT fmi3Status FMI3(fmi3ActivateModelPartition)(fmi3Instance, fmi3ValueReference, fmi3Float64 time);

#endif
