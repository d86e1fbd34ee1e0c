"""Balances of every kind of flow sheet at random states: what comes in is stored or leaves, by hand."""

import numpy as np
import pytest
import torch
from flowsheets import LAYOUTS, draw_inputs, draw_states, flow_sheet, parameters

from asm_hybrid.errors import InputError
from asm_hybrid.plant import Layout, TakacsSettler, Tank, effluent, oxygen_saturation, torch_namespace, waste

XP = torch_namespace()
COUNT = 50
LAYERED = [n for n in LAYOUTS if isinstance(flow_sheet(n).layout.settler, TakacsSettler)]


class Balance:
    """What is stored and what flows, sample by sample, with all reactions switched off."""

    def __init__(self, plant, seed=0):
        rng = np.random.default_rng(seed)
        self.plant, self.table, layout = plant, plant.table, plant.layout
        self.X, self.u = draw_states(plant, rng, COUNT), draw_inputs(plant, rng, COUNT)
        x, u, p = (torch.as_tensor(a) for a in (self.X, self.u, parameters(plant)))
        forcing = plant.forcing(u, p, XP)
        self.slope = plant.derivative(x, forcing, 0.0 * plant.stoichiometry(p, XP), XP).numpy()
        steered = plant.steer(x, forcing, XP)[0] if plant.steered else forcing
        self.moved = steered.u.numpy()
        self.tanks = plant.effective_state(x, steered, XP).numpy()
        self.feed = XP.matmul(steered.feed, torch.as_tensor(self.tanks))[:, 0].numpy()
        flow, out = effluent(plant, x, steered, XP)
        self.flow, self.out = flow.numpy(), out[:, 0].numpy()
        self.wasted = self.input("wastage"), waste(plant, x, steered, XP)[:, 0].expand(COUNT, -1).numpy()
        self.loss = None if steered.loss is None else steered.loss.numpy()
        tail = self.X[:, plant.rows.layers[1] :].reshape(COUNT, -1)
        moving = self.slope[:, plant.rows.layers[1] :].reshape(COUNT, -1)
        self.extra = {name: (tail[:, [i]], moving[:, [i]]) for i, name in enumerate(plant.rows.extra)}
        self.volumes = [
            self.extra[f"{t.name}.volume"] if t.variable else (np.full((COUNT, 1), t.volume), np.zeros((COUNT, 1)))
            for t in layout.tanks
        ]

    def input(self, name):
        return self.moved[:, [self.plant.input_index[name]]]

    def influent(self):
        names = self.table.component_names
        return self.input("Q_in") * np.hstack([self.input(f"influent.{n}") for n in names])

    def primary_sludge(self):
        """Return flow and load of the primary sludge: what the clarifier gets by mixing and does not pass on."""
        primary = self.plant.layout.primary
        if primary is None:
            return np.zeros((COUNT, 1)), np.zeros((COUNT, len(self.table.components)))
        tank = self.X[:, self.plant.rows.primary]
        minutes = primary.volume / (self.extra["primary.flow"][0] + 0.001) * 1440.0
        efficiency = primary.f_corr * (2.88 * primary.f_X - 0.118) * (1.45 + 6.15 * np.log(minutes))
        removed = np.clip(efficiency / primary.f_X, 0.0, 100.0) / 100.0
        passed = tank * (1.0 - removed * self.plant.particulate)
        q = self.input("Q_in")
        return q * primary.sludge, q * tank - q * (1.0 - primary.sludge) * passed

    def air(self):
        """Return the oxygen that aeration brings [g/d]."""
        found = np.zeros((COUNT, len(self.table.components)))
        if self.loss is not None:
            saturation = oxygen_saturation(torch.as_tensor(self.input("T")), XP).numpy()
            for i, (volume, _) in enumerate(self.volumes):
                found += volume * self.loss[:, i] * (saturation - self.tanks[:, i])
        return found

    def stored_in_tanks(self):
        """Return what the tanks gain [g/d], the primary clarifier among them, ``(sample, component)``."""
        found = np.zeros((COUNT, len(self.table.components)))
        for i, (volume, growth) in enumerate(self.volumes):
            found += volume * self.slope[:, i] + growth * self.tanks[:, i]
        if self.plant.layout.primary:
            found += self.plant.layout.primary.volume * self.slope[:, self.plant.rows.primary]
        return found

    def stored_in_layers(self):
        """Return what the layers of the settler gain [g/d]; their solids are in one column."""
        first, last = self.plant.rows.layers
        settler = self.plant.layout.settler
        if not isinstance(settler, TakacsSettler):
            return np.zeros((COUNT, len(self.table.components)))
        return settler.area * settler.height / settler.layers * self.slope[:, first:last].sum(axis=1)

    def gap(self):
        """Return what comes in and neither leaves nor stays in the tanks, and the largest of the terms."""
        terms = [self.influent(), self.air(), self.flow * self.out, np.multiply(*self.wasted), self.primary_sludge()[1]]
        stored = self.stored_in_tanks()
        came, aired, left, drawn, settled = terms
        return came + aired - left - drawn - settled - stored, np.abs([*terms, stored]).max(axis=0)

    def free(self):
        """Return the columns that nothing imposes."""
        return self.plant.free.min(axis=0) > 0


def tss(plant):
    """Return the TSS of every component."""
    from asm_hybrid.kinetics import compile_table

    kinetics = compile_table(plant.table)
    weights = kinetics.composite("TSS", list(torch.as_tensor(parameters(plant))[:, None]), XP)
    return np.array([float(w) for w in weights])


@pytest.mark.parametrize("name", LAYOUTS)
def test_solubles_come_in_stay_or_leave(name):
    balance = Balance(flow_sheet(name))
    gap, size = balance.gap()
    columns = (balance.plant.particulate == 0) & balance.free()
    error = np.abs(gap - balance.stored_in_layers()) / np.maximum(size, 1.0)
    assert columns.sum() >= 6
    assert error[:, columns].max() < 1e-11


@pytest.mark.parametrize("name", [n for n in LAYOUTS if n not in LAYERED])
def test_particulates_come_in_stay_or_leave(name):
    balance = Balance(flow_sheet(name))
    gap, size = balance.gap()
    columns = balance.plant.particulate > 0
    assert (np.abs(gap) / np.maximum(size, 1.0))[:, columns].max() < 1e-11


@pytest.mark.parametrize("name", LAYERED)
def test_suspended_solids_come_in_stay_or_leave(name):
    balance = Balance(flow_sheet(name))
    gap, size = balance.gap()
    weights, solids = tss(balance.plant), balance.stored_in_layers()[:, balance.plant.rows.solids_column]
    assert (np.abs(gap @ weights - solids) / (size @ weights)).max() < 1e-11


@pytest.mark.parametrize("name", LAYERED)
def test_particulates_in_layers_have_the_composition_of_the_feed(name):
    """One by one they balance if the composition of the layers is held; it moves with the feed, though."""
    balance = Balance(flow_sheet(name))
    plant, weights, (gap, size) = balance.plant, tss(balance.plant), balance.gap()
    columns = weights > 0
    fraction = balance.feed / (balance.feed @ weights)[:, None]
    first, last = plant.rows.layers
    solids = balance.stored_in_layers()[:, [plant.rows.solids_column]]
    assert (np.abs(gap - solids * fraction) / size)[:, columns].max() < 1e-11
    settler = plant.layout.settler
    held = settler.area * settler.height / settler.layers * balance.X[:, first:last, [plant.rows.solids_column]].sum(1)
    p, u = torch.as_tensor(parameters(plant)), torch.as_tensor(balance.u)
    forcing = plant.forcing(u, p, XP)
    if plant.steered:
        forcing, _ = plant.steer(torch.as_tensor(balance.X), forcing, XP)
    moving = XP.matmul(forcing.feed, torch.as_tensor(balance.slope[:, : plant.tanks]))[:, 0].numpy()
    drift = held * (moving - fraction * (moving @ weights)[:, None]) / (balance.feed @ weights)[:, None]
    error = np.abs(gap - solids * fraction - drift) / size
    assert np.median(error[:, columns]) > 1e-3


@pytest.mark.parametrize("name", LAYOUTS)
def test_water_comes_in_stays_or_leaves(name):
    balance = Balance(flow_sheet(name))
    stored = sum(growth for _, growth in balance.volumes)
    left = balance.flow + balance.wasted[0] + balance.primary_sludge()[0]
    assert (np.abs(balance.input("Q_in") - left - stored) / balance.input("Q_in")).max() < 1e-12


def test_a_decanter_keeps_back_its_solids():
    balance = Balance(flow_sheet("batch"))
    decant = balance.input("reactor.decant")
    np.testing.assert_allclose(balance.flow, decant, rtol=1e-14)
    share = np.where(balance.plant.particulate > 0, 0.01, 1.0)
    np.testing.assert_allclose(balance.out, balance.tanks[:, 0] * share, rtol=1e-14)


def test_a_decanter_before_the_settler_is_refused():
    tank = Tank("reactor", 1000.0, variable=True, decanted_solids=0.5)
    with pytest.raises(InputError, match="keeps back solids"):
        Layout((tank,), {"reactor": 1.0}, {"reactor": 1.0})
