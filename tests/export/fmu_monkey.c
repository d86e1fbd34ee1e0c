/* Calls the functions of FMI 2.0 or 3.0 (FMI=2, FMI=3) in any order with any arguments, absurd ones included.
   Ends with 0 when every status was one that the standard knows, and prints how many there were of each. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#if FMI == 2
#include "fmi2_types.h"
#define F(name) fmi2##name
#define fmi2FreeFMUState fmi2FreeFMUstate
#define fmi2GetFMUState fmi2GetFMUstate
#define fmi2SetFMUState fmi2SetFMUstate
#define fmi2SerializedFMUStateSize fmi2SerializedFMUstateSize
#define fmi2SerializeFMUState fmi2SerializeFMUstate
#define fmi2DeserializeFMUState fmi2DeSerializeFMUstate
typedef int Logical;
#else
#include "fmi3_types.h"
#define F(name) fmi3##name
typedef bool Logical;
#endif

static uint64_t state = 1;
static unsigned long counts[6];
static void *current, *saved, *other_saved;
static int exchange, failed;

static unsigned below(unsigned n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((state >> 33) % n);
}

static double number(void)
{
    static const double odd[] = {0, -0.0, 1, -1, 900, 1e300, -1e300, 1e-320, 5e18};
    switch (below(6)) {
    case 0: return NAN;
    case 1: return below(2) ? INFINITY : -INFINITY;
    case 2: return odd[below(sizeof odd / sizeof *odd)];
    default: return below(1000) / 100.0;
    }
}

static void note(int status)
{
    counts[status >= 0 && status <= 3 ? status : 5]++;
    failed |= status == 3;
}

#if FMI == 2
static void log_message(void *environment, fmi2String name, fmi2Status status, fmi2String category, fmi2String message, ...)
{
    (void)environment, (void)name, (void)status;
    if (strlen(category) + strlen(message) > 2000)
        counts[5]++;
}
static const fmi2CallbackFunctions functions = {log_message, NULL, NULL, NULL, NULL};
#else
static void log_message(void *environment, fmi3Status status, fmi3String category, fmi3String message)
{
    (void)environment, (void)status;
    if (strlen(category) + strlen(message) > 2000)
        counts[5]++;
}
#endif

static void start(const char *token)
{
    const Logical log = below(2) != 0;
    exchange = below(2) != 0;
    failed = 0;
    if (current != NULL) {
        F(FreeFMUState)(current, &saved);
        F(FreeFMUState)(current, &other_saved);
        F(FreeInstance)(current);
    }
#if FMI == 2
    current = F(Instantiate)("monkey", exchange ? fmi2ModelExchange : fmi2CoSimulation, token, NULL, &functions, 0, log);
#else
    current = exchange
                  ? F(InstantiateModelExchange)("monkey", token, NULL, 0, log, NULL, log_message)
                  : F(InstantiateCoSimulation)("monkey", token, NULL, 0, log, 0, 0, NULL, 0, NULL, log_message, NULL);
#endif
}

/* A call that is right where all were right before, so that all modes are reached. */
static void proper(int at, double *now)
{
    Logical yes, end;
#if FMI == 2
    fmi2EventInfo info;
#else
    Logical nominals, changed, next;
    double time;
#endif
    switch (at == 0 ? 0 : at == 1 ? 1 : !exchange ? 2 : 3 + at % 5) {
    case 0:
#if FMI == 2
        note(F(SetupExperiment)(current, 1, 1e-4, 0, 0, 0));
        note(F(EnterInitializationMode)(current));
#else
        note(F(EnterInitializationMode)(current, 1, 1e-4, 0, 0, 0));
#endif
        *now = 0;
        break;
    case 1: note(F(ExitInitializationMode)(current)); break;
    case 2:
#if FMI == 2
        note(F(DoStep)(current, *now, 900, 1));
#else
        note(F(DoStep)(current, *now, 900, 1, &yes, &end, &nominals, &time));
#endif
        *now += 900;
        break;
    case 3: note(F(CompletedIntegratorStep)(current, 1, &yes, &end)); break;
    case 4: note(F(EnterEventMode)(current)); break;
    case 5:
#if FMI == 2
        note(F(NewDiscreteStates)(current, &info));
#else
        note(F(UpdateDiscreteStates)(current, &yes, &end, &nominals, &changed, &next, &time));
#endif
        break;
    case 6: note(F(EnterContinuousTimeMode)(current)); break;
    default: note(F(SetTime)(current, *now += below(100))); break;
    }
}

#define LISTS 20
static unsigned vr[LISTS], known[LISTS];
static double values[LISTS], more[LISTS];
static int integers[LISTS];

static void any(void)
{
    const unsigned n = below(LISTS + 1);
    const size_t exact = below(3);
    unsigned i;
    unsigned *const vr_or_not = below(20) ? vr : NULL;
    double *const values_or_not = below(20) ? values : NULL;
    size_t size = 0;
#if FMI == 3
    Logical one, two;
#endif
    for (i = 0; i < LISTS; i++) {
        vr[i] = below(10) ? below(20) : (unsigned)(state >> 32);
        known[i] = below(20);
        values[i] = number();
        more[i] = number();
        integers[i] = below(4) ? 1 : (int)(state >> 32);
    }
    switch (below(22)) {
#if FMI == 2
    case 0: note(F(GetReal)(current, vr_or_not, n, values_or_not)); break;
    case 1: note(F(SetReal)(current, vr_or_not, below(2) ? 1 : n, values_or_not)); break;
    case 2: note(F(GetInteger)(current, vr_or_not, below(2), integers)); break;
    case 3: note(F(SetInteger)(current, vr_or_not, below(2), integers)); break;
    case 4: note(F(SetBoolean)(current, vr_or_not, below(2), integers)); break;
    case 5: note(F(GetDirectionalDerivative)(current, vr, n, known, below(LISTS), values_or_not, more)); break;
    case 6: note(F(GetDerivatives)(current, values_or_not, exact)); break;
    case 7: note(F(SetRealInputDerivatives)(current, vr_or_not, n, integers, values)); break;
    case 8: note(F(GetRealOutputDerivatives)(current, vr_or_not, n, integers, values_or_not)); break;
    case 9: note(F(SetupExperiment)(current, below(2), number(), number(), below(2), number())); break;
    case 10: note(F(DoStep)(current, number(), number(), 1)); break;
    case 11: note(F(SetString)(current, vr, n, NULL)); break;
    case 12: note(F(GetRealStatus)(current, (fmi2StatusKind)below(5), values_or_not)); break;
    case 13: note(F(CancelStep)(current)); break;
#else
    case 0: note(F(GetFloat64)(current, vr_or_not, n, values_or_not, below(20) ? n : 3)); break;
    case 1: note(F(SetFloat64)(current, vr_or_not, 1, values_or_not, 1)); break;
    case 2: note(F(GetInt32)(current, vr_or_not, exact, integers, exact)); break;
    case 3: note(F(SetInt32)(current, vr_or_not, exact, integers, exact)); break;
    case 4: note(F(SetBoolean)(current, vr_or_not, 1, below(2) ? &one : NULL, (one = true, 1))); break;
    case 5: note(F(GetDirectionalDerivative)(current, vr, n, known, 7, values_or_not, 7, more, n)); break;
    case 6: note(F(GetContinuousStateDerivatives)(current, values_or_not, exact)); break;
    case 7: note(F(GetClock)(current, vr_or_not, n, NULL)); break;
    case 8: note(F(GetOutputDerivatives)(current, vr_or_not, n, integers, values_or_not, n)); break;
    case 9: note(F(EnterInitializationMode)(current, below(2), number(), number(), below(2), number())); break;
    case 10: note(F(DoStep)(current, number(), number(), 1, &one, &two, below(9) ? &one : NULL, values)); break;
    case 11: note(F(SetString)(current, vr, n, NULL, n)); break;
    case 12: note(F(GetAdjointDerivative)(current, vr, n, known, n, values, n, more, n)); break;
    case 13: note(F(EnterConfigurationMode)(current)); break;
#endif
    case 14: note(F(GetFMUState)(current, below(2) ? &saved : &other_saved)); break;
    case 15: note(F(SetFMUState)(current, below(2) ? saved : other_saved)); break;
    case 16: note(F(FreeFMUState)(current, below(3) ? &saved : NULL)); break;
    case 17:
        note(F(SerializedFMUStateSize)(current, saved, below(9) ? &size : NULL));
        note(F(SerializeFMUState)(current, saved, below(9) ? (void *)more : NULL, below(sizeof more)));
        note(F(DeserializeFMUState)(current, (void *)more, sizeof more, &other_saved));
        break;
    case 18: note(F(SetTime)(current, number())); break;
    case 19: note(F(SetContinuousStates)(current, values_or_not, exact)); break;
    case 20: note(F(GetEventIndicators)(current, values_or_not, exact)); break;
    case 21: note(F(Terminate)(current)); break;
    }
}

int main(int count, char **words)
{
    double now = 0;
    long i;
    int at = 0;
    if (count < 2)
        return 2;
    note(F(Reset)(NULL));
    F(FreeInstance)(NULL);
    for (i = 0; i < 100000; i++) {
        if (current == NULL || (failed && below(3) != 0) || below(200) == 0) {
            start(words[1]);
            at = below(9) == 0 ? 3 : 0;
        }
        if (current == NULL)
            return 3;
        if (below(2))
            proper(at++, &now);
        else
            any();
    }
    start("not this model");
    printf("%lu %lu %lu %lu\n", counts[0], counts[1], counts[2], counts[3]);
    return counts[5] > 0 || current != NULL;
}
