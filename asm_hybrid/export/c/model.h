/* @NAME@: the fitted model of a wastewater treatment plant, dx/dt = f + n, with its own stiff solver.
 *
 * Written by asm-hybrid. C99; needs the mathematical library (-lm) and nothing else.
 * Time is in days. Names, units and start values of states, inputs, outputs and parameters stand in README.txt.
 * Every function that returns int returns 0 when all went well; else ah_message says why. A NaN or an infinite state,
 * input or result is a failure, and the model then stands as it did before the call.
 */
#ifndef AH_MODEL_H
#define AH_MODEL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    AH_STATES = @STATES@,
    AH_INPUTS = @INPUTS@,
    AH_OUTPUTS = @OUTPUTS@,
    AH_PARAMETERS = @PARAMETERS@,
    AH_EVENTS = @EVENTS@,   /* distances of on/off controllers and of phases from their end */
    AH_MEMBERS = @MEMBERS@  /* trained seeds of n */
};
@PLACES@
typedef struct ah_model ah_model; /* one plant; two of them share nothing */

/* Makes a model with start values at time 0; NULL when there is no memory. No other function allocates. */
ah_model *ah_new(void);
void ah_free(ah_model *m);
void ah_reset(ah_model *m); /* to the start values, tolerance and member included */

/* Values that may be read and written in place. */
double *ah_state(ah_model *m);       /* x [AH_STATES] */
double *ah_input(ah_model *m);       /* u [AH_INPUTS] at ah_time(m) */
double *ah_input_slope(ah_model *m); /* du/dt [AH_INPUTS, unit/d]: ah_step moves u along it; zero: u is held */
double *ah_parameter(ah_model *m);   /* p [AH_PARAMETERS] */

/* Which n acts: 0 for none (f alone), 1 to AH_MEMBERS for a trained seed. */
int ah_member(const ah_model *m);
int ah_set_member(ah_model *m, int member);

double ah_time(const ah_model *m);             /* [d] */
void ah_set_time(ah_model *m, double days);    /* time tables that repeat take the phase of that time */
void ah_move_time(ah_model *m, double days);   /* for integrators other than ah_step: time tables keep their
                                                  phases, and inputs go along their slopes */

int ah_derivative(ah_model *m, double *dx);    /* dx/dt [AH_STATES, unit/d] at state, inputs, parameters and time */
int ah_output(ah_model *m, double *y);         /* [AH_OUTPUTS] */

/* ddx = df/dx dx + df/du du + df/dp dp, and dy likewise. Any pointer may be NULL: zero, or not asked for. */
int ah_directional(ah_model *m, const double *dx, const double *du, const double *dp, double *ddx, double *dy);

int ah_events(ah_model *m, double *z);         /* [AH_EVENTS]: an event is due where one is below zero */
int ah_switch(ah_model *m, int *changed);      /* lets due events happen; changed (may be NULL): whether there were */
double ah_next_time(ah_model *m);              /* next time of a time table [d]; HUGE_VAL without */
void ah_pass_time(ah_model *m);                /* time tables go on to the phases that begin at ah_time(m) */

/* Integrates to `until` [d], over time tables' times and events, those at `until` included. It starts with events that
 * are due, so that inputs may jump before it. The step size is kept from call to call. */
int ah_step(ah_model *m, double until);
int ah_set_tolerance(ah_model *m, double relative); /* relative error of a step; 1e-13 to 1e-1, at first @TOLERANCE@ */

/* All that later results depend on, as bytes: the same steps after ah_restore give the same bits. They are those of
 * this model on this kind of machine; other bytes are refused. */
size_t ah_saved(const ah_model *m);
void ah_save(const ah_model *m, void *bytes);
int ah_restore(ah_model *m, const void *bytes, size_t size);

const char *ah_message(const ah_model *m); /* why the last call that failed did so */

#ifdef __cplusplus
}
#endif
#endif
