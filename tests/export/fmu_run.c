/* Simulates a day with a library of FMI 2.0 or 3.0 (FMI=2, FMI=3), in steps of 15 minutes, and prints the first state.
   On Windows the library is a file, FMU_LIBRARY; elsewhere it is linked. */
#include <stdio.h>
#if FMI == 2
#include "fmi2_types.h"
#define F(name) fmi2##name
#else
#include "fmi3_types.h"
#define F(name) fmi3##name
#endif

#ifdef _WIN32
#include <windows.h>
static HMODULE library;
#define CALL(name) ((__typeof__(&F(name)))(void (*)(void))GetProcAddress(library, QUOTED(F(name))))
#define QUOTED(name) QUOTE(name)
#define QUOTE(name) #name
#else
#define CALL(name) F(name)
#endif

#if FMI == 2
static void log_message(void *environment, fmi2String name, fmi2Status status, fmi2String category, fmi2String message, ...)
{
    (void)environment;
    printf("%s %d %s %s\n", name, (int)status, category, message);
}
#else
static void log_message(void *environment, fmi3Status status, fmi3String category, fmi3String message)
{
    (void)environment;
    printf("%d %s %s\n", (int)status, category, message);
}
#endif

int main(int count, char **words)
{
    unsigned first = 1;
    double value = 0;
    int i, bad = 0;
    void *c;
    if (count < 3)
        return 2;
#ifdef _WIN32
    library = LoadLibraryA(words[1]);
    if (library == NULL)
        return 3;
#endif
#if FMI == 2
    {
        fmi2CallbackFunctions functions = {log_message, NULL, NULL, NULL, NULL};
        c = CALL(Instantiate)("host", fmi2CoSimulation, words[2], NULL, &functions, 0, 0);
        if (c == NULL)
            return 4;
        bad |= CALL(SetupExperiment)(c, 1, 1e-8, 0, 1, 86400) | CALL(EnterInitializationMode)(c);
        bad |= CALL(ExitInitializationMode)(c);
        for (i = 0; i < 96; i++)
            bad |= CALL(DoStep)(c, 900.0 * i, 900, 1);
        bad |= CALL(GetReal)(c, &first, 1, &value);
    }
#else
    {
        bool needed, end, early;
        double reached;
        c = CALL(InstantiateCoSimulation)("host", words[2], NULL, 0, 0, 0, 0, NULL, 0, NULL, log_message, NULL);
        if (c == NULL)
            return 4;
        bad |= CALL(EnterInitializationMode)(c, 1, 1e-8, 0, 1, 86400) | CALL(ExitInitializationMode)(c);
        for (i = 0; i < 96; i++)
            bad |= CALL(DoStep)(c, 900.0 * i, 900, 1, &needed, &end, &early, &reached);
        bad |= CALL(GetFloat64)(c, &first, 1, &value, 1);
    }
#endif
    bad |= CALL(Terminate)(c);
    CALL(FreeInstance)(c);
    printf("%.17g\n", value);
    return bad ? 1 : 0;
}
