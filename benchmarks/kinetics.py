"""Time the functions generated from ASM1's table against ASM1 written by hand in torch, and against autodiff.

Run ``python benchmarks/kinetics.py`` from the repository root. The last line of the output is JSON.

All three get a state ``(plant, tank, component)`` and return process rates ``(plant, tank, process)``, or their
slopes ``(plant, tank, process, component)``, in float64 on one thread, and agree to 1e-12. The hand-written code
shares what its terms have in common, as a careful author would. The autodiff slopes are those of the hand-written
rates by ``torch.func``, the faster of ``jacrev`` and ``jacfwd``. Times are the least of several rounds, in which the
contestants take turns.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from asm_hybrid.kinetics import Kinetics, compile_table, load_table
from asm_hybrid.plant import torch_namespace

SIZES = (1, 64, 4096)
TANKS = 5
XP = torch_namespace()


def rates_by_hand(X: Tensor, p: Mapping[str, float]) -> Tensor:
    """Return the rates of ASM1, ``(…, 8)``."""
    _, S_S, _, X_S, X_BH, X_BA, _, S_O, S_NO, S_NH, S_ND, X_ND, _, _ = X.clamp(min=0.0).unbind(-1)
    aerobic = S_O / (p["K_OH"] + S_O)
    anoxic = (1.0 - aerobic) * (S_NO / (p["K_NO"] + S_NO))
    growth = p["mu_H"] * S_S / (p["K_S"] + S_S) * X_BH
    hydrolysis = p["k_h"] * X_BH / (p["K_X"] * X_BH + X_S + 1e-16) * (aerobic + p["eta_h"] * anoxic)
    return torch.stack(
        [
            growth * aerobic,
            growth * anoxic * p["eta_g"],
            p["mu_A"] * S_NH / (p["K_NH"] + S_NH) * (S_O / (p["K_OA"] + S_O)) * X_BA,
            p["b_H"] * X_BH,
            p["b_A"] * X_BA,
            p["k_a"] * S_ND * X_BH,
            hydrolysis * X_S,
            hydrolysis * X_ND,
        ],
        dim=-1,
    )


def slopes_by_hand(X: Tensor, p: Mapping[str, float]) -> Tensor:
    """Return the slopes of ASM1's rates, ``(…, 8, 14)``."""
    _, S_S, _, X_S, X_BH, X_BA, _, S_O, S_NO, S_NH, S_ND, X_ND, _, _ = X.clamp(min=0.0).unbind(-1)
    out = X.new_zeros(*X.shape[:-1], 8, 14)
    over_O, over_NO, over_S = 1.0 / (p["K_OH"] + S_O), 1.0 / (p["K_NO"] + S_NO), 1.0 / (p["K_S"] + S_S)
    aerobic, nitrate, off = S_O * over_O, S_NO * over_NO, p["K_OH"] * over_O
    d_off, d_nitrate = off * over_O, p["K_NO"] * over_NO * over_NO
    specific = p["mu_H"] * S_S * over_S
    growth, d_growth = specific * X_BH, p["mu_H"] * p["K_S"] * over_S * over_S * X_BH
    anoxic = off * nitrate
    out[..., 0, 1], out[..., 0, 4], out[..., 0, 7] = d_growth * aerobic, specific * aerobic, growth * d_off
    out[..., 1, 1], out[..., 1, 4] = p["eta_g"] * d_growth * anoxic, p["eta_g"] * specific * anoxic
    out[..., 1, 7], out[..., 1, 8] = -p["eta_g"] * growth * d_off * nitrate, p["eta_g"] * growth * off * d_nitrate
    over_NH, over_OA = 1.0 / (p["K_NH"] + S_NH), 1.0 / (p["K_OA"] + S_O)
    ammonium, oxygen = p["mu_A"] * S_NH * over_NH, S_O * over_OA
    out[..., 2, 5] = ammonium * oxygen
    out[..., 2, 7] = ammonium * p["K_OA"] * over_OA * over_OA * X_BA
    out[..., 2, 9] = p["mu_A"] * p["K_NH"] * over_NH * over_NH * oxygen * X_BA
    out[..., 3, 4], out[..., 4, 5] = p["b_H"], p["b_A"]
    out[..., 5, 4], out[..., 5, 10] = p["k_a"] * S_ND, p["k_a"] * X_BH
    over_X = 1.0 / (p["K_X"] * X_BH + X_S + 1e-16)
    switch = p["k_h"] * (aerobic + p["eta_h"] * anoxic)
    share = X_BH * over_X
    d_BH = switch * X_S * over_X * over_X
    d_O = p["k_h"] * d_off * (1.0 - p["eta_h"] * nitrate) * share
    d_NO = p["k_h"] * p["eta_h"] * off * d_nitrate * share
    out[..., 6, 3], out[..., 6, 4] = switch * share * (1.0 - X_S * over_X), d_BH * X_S
    out[..., 6, 7], out[..., 6, 8] = d_O * X_S, d_NO * X_S
    out[..., 7, 3], out[..., 7, 4] = -switch * share * over_X * X_ND, d_BH * X_ND
    out[..., 7, 7], out[..., 7, 8], out[..., 7, 11] = d_O * X_ND, d_NO * X_ND, switch * share
    return out


def generated(kinetics: Kinetics, p: list[float]) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Return the generated rates and slopes as functions of the state alone."""
    one = torch.ones(1, len(load_table("asm1").components), dtype=torch.float64)
    rows = kinetics.rate_jacobian(one, p, XP)
    places = [(i, j) for i, row in enumerate(rows) for j, value in enumerate(row) if value is not None]

    def rates(X: Tensor) -> Tensor:
        return torch.stack(kinetics.rates(X, p, XP), dim=-1)

    def slopes(X: Tensor) -> Tensor:
        found = kinetics.rate_jacobian(X, p, XP)
        out = X.new_zeros(*X.shape[:-1], len(rows), len(rows[0]))
        for i, j in places:
            slope = found[i][j]
            assert slope is not None
            out[..., i, j] = slope
        return out

    return rates, slopes


def least_seconds(contestants: Mapping[str, Callable[[], Tensor]], seconds: float) -> dict[str, float]:
    """Return the least time of every contestant [s]; they take turns for about `seconds` each."""
    best = dict.fromkeys(contestants, float("inf"))
    calls = {}
    for name, work in contestants.items():
        work()
        begin = time.perf_counter()
        work()
        calls[name] = max(1, int(0.02 / (time.perf_counter() - begin)))
    for _ in range(max(3, int(seconds / 0.02))):
        for name, work in contestants.items():
            begin = time.perf_counter()
            for _ in range(calls[name]):
                work()
            best[name] = min(best[name], (time.perf_counter() - begin) / calls[name])
    return best


def main() -> None:
    """Time, print a table, and the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each contestant and size")
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    table = load_table("asm1")
    defaults = {q.name: q.default for q in table.parameters}
    rates, slopes = generated(compile_table(table), list(defaults.values()))

    def by_hand(X: Tensor) -> Tensor:
        return rates_by_hand(X, defaults)

    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread, float64\n")
    heads = f"{'generated':>12} {'by hand':>12} {'autodiff':>12}  {'hand/gen':>8} {'auto/gen':>8}"
    print(f"{'plants x tanks':>14}  {'':10} {heads}")
    found: list[dict[str, float | int | str]] = []
    for size in SIZES:
        X = 100.0 * torch.rand(size, TANKS, len(table.components), dtype=torch.float64)
        reverse, forward = (
            torch.func.vmap(torch.func.vmap(way(by_hand))) for way in (torch.func.jacrev, torch.func.jacfwd)
        )
        expected = reverse(X)
        torch.testing.assert_close(rates(X), by_hand(X), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(slopes(X), slopes_by_hand(X, defaults), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(slopes(X), expected, rtol=1e-10, atol=1e-12)
        with torch.no_grad():
            first = least_seconds({"generated": lambda X=X: rates(X), "hand": lambda X=X: by_hand(X)}, seconds)
            second = least_seconds(
                {
                    "generated": lambda X=X: slopes(X),
                    "hand": lambda X=X: slopes_by_hand(X, defaults),
                    "jacrev": lambda X=X, f=reverse: f(X),
                    "jacfwd": lambda X=X, f=forward: f(X),
                },
                seconds,
            )
        second["autodiff"] = min(second.pop("jacrev"), second.pop("jacfwd"))
        for what, times in (("rates", first), ("slopes", second)):
            row = {f"{name}_s": value for name, value in times.items()}
            row |= {f"ratio_{name}": value / times["generated"] for name, value in times.items() if name != "generated"}
            found.append({"plants": size, "tanks": TANKS, "what": what, **row})
            shown = [f"{1e6 * times[n]:9.1f} us" if n in times else "" for n in ("generated", "hand", "autodiff")]
            ratios = [f"{row[f'ratio_{n}']:8.2f}" if f"ratio_{n}" in row else "" for n in ("hand", "autodiff")]
            print(f"{size:>10} x {TANKS}  {what:10} {shown[0]:>12} {shown[1]:>12} {shown[2]:>12}  {' '.join(ratios)}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
