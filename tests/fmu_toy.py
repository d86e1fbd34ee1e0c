"""A plant of two states with a controller and a time table, whose answers are known exactly, as a described model."""

from __future__ import annotations

import math
from dataclasses import replace

from asm_hybrid.export.c_solver import find_pattern
from asm_hybrid.export.c_sources import ModelText, assemble_sources
from asm_hybrid.export.described import Described, Variable

Q, GAIN, LOW, HIGH = 2.0, 30.0, 4.0, 8.0
"""Exchange [1/d], what the pump adds [g/(m3 d)], and between which levels [g/m3] it is switched."""
TABLE = ((0.25, 0.0), (0.5, 1.5))
"""End [d] and value [g/m3] of each phase of what comes besides, again and again."""
LEARNT = 0.5
"""What each member of n adds, times its number [g/(m3 d)]."""
START, FEED = 5.0, 3.0
DAY = 86400.0

_TEXT = """
static const double toy_ends[] = {0.25, 0.5}, toy_values[] = {0.0, 1.5};

static double model_next_time(const ah_model *m)
{
    return floor(m->phase[0] / 2.0) * toy_ends[1] + toy_ends[m->phase[0] & 1];
}

static void model_pass_time(ah_model *m)
{
    m->phase[0]++;
    m->u[1] = toy_values[m->phase[0] & 1];
}

static void model_phases(ah_model *m)
{
    m->phase[0] = 2 * (int)floor(m->time / 0.5);
    m->u[1] = toy_values[0];
    while (model_next_time(m) <= m->time)
        model_pass_time(m);
}

static void model_start(ah_model *m)
{
    m->x[0] = 5.0;
    m->u[0] = 3.0;
    m->p[0] = 2.0;
    m->p[1] = 30.0;
    m->p[2] = 1.0;
    m->member = 1;
}

static int model_rhs(ah_model *m, double t, const double *x, double *dx)
{
    const double feed = m->u[0] + m->slope[0] * (t - m->time);
    dx[0] = m->p[0] * (feed + m->u[1] - x[0]) + m->p[1] * m->p[2] * x[1] + 0.5 * m->member;
    dx[1] = 0.0;
    return !isfinite(dx[0]);
}

static int model_jacobian(ah_model *m, double t, const double *x, double *values)
{
    (void)t, (void)x;
    values[0] = -m->p[0];
    values[1] = m->p[1] * m->p[2];
    values[2] = 0.0;
    return !isfinite(values[0]);
}

static int model_time_slope(ah_model *m, double t, const double *x, double *dft)
{
    (void)t, (void)x;
    dft[0] = m->p[0] * m->slope[0];
    dft[1] = 0.0;
    return 0;
}

static int model_outputs(ah_model *m, double t, const double *x, double *y)
{
    y[0] = 2.0 * x[0] * x[0] + m->u[0] + m->slope[0] * (t - m->time);
    return !isfinite(y[0]);
}

static int model_directional(ah_model *m, const double *dx, const double *du, const double *dp, double *ddx, double *dy)
{
    const double x = dx ? dx[0] : 0.0, on = dx ? dx[1] : 0.0, u = du ? du[0] + du[1] : 0.0;
    const double q = dp ? dp[0] : 0.0, gain = dp ? dp[1] : 0.0;
    if (ddx) {
        ddx[0] = m->p[0] * (u - x) + m->p[1] * m->p[2] * on;
        ddx[0] += q * (m->u[0] + m->u[1] - m->x[0]) + gain * m->p[2] * m->x[1];
        ddx[1] = 0.0;
    }
    if (dy)
        dy[0] = 4.0 * m->x[0] * x + (du ? du[0] : 0.0);
    return 0;
}

static int model_events(ah_model *m, double t, const double *x, double *z)
{
    (void)m, (void)t;
    z[0] = x[1] > 0.5 ? 8.0 - x[0] : x[0] - 4.0;
    return !isfinite(z[0]);
}

static void model_after(ah_model *m, int event, double t, double *x)
{
    (void)m, (void)event, (void)t;
    x[1] = x[1] > 0.5 ? 0.0 : 1.0;
}
"""

TOY = Described(
    name="toy <&> plant",
    identifier="toy_plant",
    text='A pump "on/off" & a feed',
    states=(
        Variable("tank 1.S", "g COD/m3", "substrate", START, 5.0, 0.0),
        Variable("pump", "-", "whether the pump runs", 0.0),
    ),
    inputs=(
        Variable("feed.S", "g COD/m3", "feed", FEED, 3.0, 0.0, 1000.0),
        Variable("besides", "g COD/m3", "by the time table", 0.0),
    ),
    outputs=(Variable("Güte", "-", "a quality", 0.0, 50.0),),
    parameters=(
        Variable("Q", "1/d", "exchange", Q, 1.0, 0.1, 10.0),
        Variable("gain", "g COD/(m3 d)", "of the pump", GAIN, 10.0),
        Variable("enabled", "-", "whether the pump may run", 1.0),
    ),
    table_inputs=frozenset({"besides"}),
    switches=frozenset({"enabled"}),
    members=2,
    member=1,
    events=1,
    step=900.0,
    tolerance=1e-6,
    shown=("tank 1.S",),
    derivative_of=(((0, 1), (0, 1)), ((), ())),
    output_of=(((0,), (0,)),),
    sources=assemble_sources(
        ModelText(
            name="toy",
            counts={"STATES": 2, "INPUTS": 2, "OUTPUTS": 1, "PARAMETERS": 3, "EVENTS": 1, "MEMBERS": 2},
            names={"X": ["S", "pump"], "U": ["feed", "besides"], "P": ["Q", "gain", "enabled"]},
            text=_TEXT,
            pattern=find_pattern([0, 0], [0, 1], 2),
            nominal=[5.0, 1.0],
            cycles=1,
            reads_time=False,
        )
    ),
)


def plain_toy() -> Described:
    """Return a model that has neither inputs nor parameters, outputs, events, tables or members."""
    none = "static {} {}\n{{\n    {}\n}}\n"
    text = "".join(
        [
            none.format("int", "model_rhs(ah_model *m, double t, const double *x, double *dx)",
                        "(void)m, (void)t;\n    dx[0] = -x[0];\n    return 0;"),
            none.format("int", "model_jacobian(ah_model *m, double t, const double *x, double *values)",
                        "(void)m, (void)t, (void)x;\n    values[0] = -1.0;\n    return 0;"),
            none.format("int", "model_time_slope(ah_model *m, double t, const double *x, double *dft)",
                        "(void)m, (void)t, (void)x;\n    dft[0] = 0.0;\n    return 0;"),
            none.format("int", "model_outputs(ah_model *m, double t, const double *x, double *y)",
                        "(void)m, (void)t, (void)x, (void)y;\n    return 0;"),
            none.format("int", "model_events(ah_model *m, double t, const double *x, double *z)",
                        "(void)m, (void)t, (void)x, (void)z;\n    return 0;"),
            none.format("int", "model_directional(ah_model *m, const double *dx, const double *du, const double *dp, "
                        "double *ddx, double *dy)",
                        "(void)m, (void)du, (void)dp, (void)dy;\n    if (ddx)\n        ddx[0] = dx ? -dx[0] : 0.0;\n"
                        "    return 0;"),
            none.format("void", "model_after(ah_model *m, int event, double t, double *x)",
                        "(void)m, (void)event, (void)t, (void)x;"),
            none.format("double", "model_next_time(const ah_model *m)", "(void)m;\n    return HUGE_VAL;"),
            none.format("void", "model_pass_time(ah_model *m)", "(void)m;"),
            none.format("void", "model_phases(ah_model *m)", "(void)m;"),
            none.format("void", "model_start(ah_model *m)", "m->x[0] = 1.0;"),
        ]
    )  # fmt: skip
    counts = {"STATES": 1, "INPUTS": 0, "OUTPUTS": 0, "PARAMETERS": 0, "EVENTS": 0, "MEMBERS": 0}
    sources = assemble_sources(
        ModelText("plain", counts, {"X": ["x"], "U": [], "P": []}, text, find_pattern([0], [0], 1), [1.0])
    )
    return replace(
        TOY, name="plain", identifier="plain", states=(Variable("x", "-", "", 1.0),), inputs=(), outputs=(),
        parameters=(), table_inputs=frozenset(), switches=frozenset(), members=0, member=0, events=0,
        derivative_of=(((0,), ()),), output_of=(), sources=sources,
    )  # fmt: skip


def exact(times, feed=lambda t: FEED, *, slope=lambda t: 0.0, knots=(), member=1, q=Q, gain=GAIN, start=START):
    """Return the state ``S`` at times [d]; between `knots` [d] the feed moves linearly, with a slope [g/(m3 d)].

    Piece by piece, dS/dt = q (u0 + s t - S) + c has the solution S = r + s (t - 1/q) +
    (S0 - r + s/q) exp(-q t) with r = u0 + c/q.
    """
    ends = sorted({*times, *knots, *(0.25 * k for k in range(1, int(max(times) / 0.25) + 2))})
    t, level, on, found = 0.0, start, 0.0, {0.0: start}
    for end in ends:
        while t < end:
            besides = TABLE[int((t + 1e-12) / 0.25) % 2][1]
            c = gain * on + LEARNT * member + q * besides
            u0, s = feed(t), slope(t)
            r = u0 + c / q
            amplitude = level - r + s / q

            def at(h, r=r, s=s, amplitude=amplitude):
                return r + s * (h - 1 / q) + amplitude * math.exp(-q * h)

            def due(h, on=on, at=at):
                return (HIGH - at(h) if on else at(h) - LOW) < 0

            low, high, h = 0.0, end - t, end - t
            n = next((k for k in range(1, 101) if due(k * (end - t) / 100)), None)
            if n is not None:
                low, high = (n - 1) * (end - t) / 100, n * (end - t) / 100
                for _ in range(80):
                    middle = 0.5 * (low + high)
                    low, high = (low, middle) if due(middle) else (middle, high)
                h, on = high, 1.0 - on
            level, t = at(h), (end if n is None else t + h)
        found[end] = level
    return [found[time] for time in times]
