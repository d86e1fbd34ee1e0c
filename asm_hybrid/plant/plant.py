"""The mechanistic model f: reactions and transport in the plant's tanks and settlers.

The equations stand once, for torch and CasADi alike (see :mod:`asm_hybrid.plant.namespace`). With the state ``X`` of
shape ``(…, row, component)`` and the inputs ``u`` of shape ``(…, input)``, it is in the tanks::

    dX/dt = M(u) X + R(u) X_particulate + inflow(u) + kLa (X_sat - X) + ρ(X, p) S

``M`` holds what every flow carries between and out of the tanks, ``R`` the thickening of the particulate components in
an ideal settler; kLa is that of oxygen and of the table's other gases (`asm_hybrid.plant.transfer`). Tanks come first;
behind them stand rows for a primary clarifier, for the layers of a settler, and for volumes and controllers, as far as
the layout has them (see :class:`Rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.kinetics.rate_inputs import HERE, LOAD
from asm_hybrid.plant.control import Controller, tuned_values
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.layout import SETTLER
from asm_hybrid.plant.learnt import Learnt
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.plant_parts import PlantParts
from asm_hybrid.plant.primary import PrimaryClarifier
from asm_hybrid.plant.rate_arguments import rate_arguments
from asm_hybrid.plant.settler import TINY, IdealSettler, TakacsSettler
from asm_hybrid.plant.transfer import transfer

__all__ = ["Plant"]


@dataclass(frozen=True)
class Plant(PlantParts):
    """A layout of tanks filled with the reactions of a kinetics table.

    Attributes
    ----------
    table : Table
        The reactions.
    layout : Layout
        The flow sheet.
    """

    def forcing(
        self,
        u: Array,
        p: Array,
        xp: ArrayNamespace[Array],
        n: Learnt[Array] | None = None,
        late: Array | None = None,
    ) -> Forcing[Array]:
        """Work out all that does not depend on the state.

        Parameters
        ----------
        u : array, shape (…, input)
            Inputs.
        p : array, shape (…, parameter)
            Parameter values at the reference temperature of each parameter.
        xp : ArrayNamespace
            Array operations.
        n : Learnt, optional
            May change the inputs.
        late : array, shape (…, entry), optional
            What arrives late; a plant with `late` signals needs it.

        Returns
        -------
        Forcing
        """
        measured = u
        u = u if n is None else n.driven(u)
        temperature = self.input(u, "T", xp)
        log_theta, reference = (xp.constant(a, u) for a in self.constants.temperature_laws)
        found = self._driven(u, p * xp.exp(log_theta * (temperature - reference)), None, xp, late)
        return found if u is measured else replace(found, measured=measured)

    def _driven(
        self,
        u: Array,
        parameters: Array,
        growth: Array | None,
        xp: ArrayNamespace[Array],
        late: Array | None,
    ) -> Forcing[Array]:
        """Return the forcing; ``growth`` is the volume over that at the start, ``(…, tank, 1)``, where it varies."""
        layout, settler = self.layout, self.layout.settler
        feeds = xp.combine(u, xp.constant(self.maps.to_settler, u))
        feed_flow = xp.total(feeds)
        feed = feeds / xp.column(xp.maximum(feed_flow, TINY))
        flows, thickening = xp.combine(u, xp.constant(self.constants.exchange, u)), None
        back, wasted = self.input(u, "return_sludge", xp), self.input(u, "wastage", xp)
        under = back + wasted if layout.waste_from == SETTLER else back
        if isinstance(settler, IdealSettler) and not layout.return_delay:
            path = xp.matmul(xp.constant(self.constants.returned, u), feed)
            flows = flows + xp.column(back) * path
            thickening = xp.column(back * (settler.thickening(feed_flow, under, xp) - 1.0)) * path
        if any(t.variable for t in layout.tanks):
            kept = xp.combine(u, xp.constant(self.constants.kept, u))
            thickening = kept if thickening is None else thickening + kept
        source = (
            xp.matmul(xp.constant(self.constants.entry, u), self._inflow(u, xp)) if layout.primary is None else None
        )
        if late is not None and self.constants.arrival:
            arrives = self._arriving(u, late, xp)
            source = arrives if source is None else source + arrives
        if growth is not None:
            flows = xp.scale(flows, 1.0 / growth)
            thickening = None if thickening is None else xp.scale(thickening, 1.0 / growth)
            source = None if source is None else xp.scale(source, 1.0 / growth)
        air, loss = transfer(self.constants, u, growth, xp) or (None, None)
        if air is not None:
            source = air if source is None else source + air
        return Forcing(
            u=u,
            parameters=self._with_inputs(parameters, u, xp),
            flows=flows,
            thickening=thickening,
            source=source,
            loss=loss,
            imposed=xp.combine(u, xp.constant(self.constants.imposed_map, u)) if layout.imposed else None,
            feed=feed,
            feed_flow=feed_flow,
            overflow=feed_flow - under if settler else feed_flow,
            direct=xp.combine(u, xp.constant(self.maps.to_effluent, u)) if self.maps.to_effluent.any() else None,
            late=late,
        )

    def _arriving(self, u: Array, late: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return what late streams bring [g/(m³ d)], ``(…, tank, component)``: today's flow, earlier concentrations."""
        pairs = zip(self.late, self.constants.arrival, strict=False)
        parts = [
            xp.matmul(xp.constant(share, u), xp.column(self.input(u, s.name, xp)) * xp.segment(late, s.begin, s.end))
            for s, share in pairs
        ]
        return sum(parts[1:], parts[0])

    def input(self, u: Array, name: str, xp: ArrayNamespace[Array]) -> Array:
        """Return an input by name, ``(…, 1)``."""
        return xp.entry(u, self.input_index[name])

    def saturation(self, u: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the saturation concentration of oxygen [g/m³], ``(…, 1)``."""
        return self.layout.aeration.saturated(self.input(u, "T", xp), xp)

    def influent(self, u: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the concentrations of the influent, ``(…, 1, component)``."""
        place = self.inputs.influent
        return xp.segment(u, place.start, place.stop)

    def _inflow(self, u: Array, xp: ArrayNamespace[Array]) -> Array:
        return xp.column(self.input(u, "Q_in", xp)) * self.influent(u, xp)

    def _with_inputs(self, parameters: Array, u: Array, xp: ArrayNamespace[Array]) -> Array:
        """Put the inputs that rates read behind the parameters, in the place of any that stand there."""
        if not self.table.inputs:
            return parameters
        own = [xp.entry(parameters, i) for i in range(len(self.table.parameters))]
        read = [name for name in self.table.input_names if name not in HERE]
        return xp.join([*own, *(self._read(name, own, u, xp) for name in read)])

    def _read(self, name: str, parameters: Sequence[Array], u: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return an input that a rate reads, ``(…, 1)``: one of the plant's, or a load of the influent."""
        if not name.startswith(LOAD):
            return self.input(u, name, xp)
        concentrations = xp.columns(self.influent(u, xp))
        quantity = self.quantities.mixed(name.removeprefix(LOAD), concentrations, parameters, xp)
        return self.input(u, "Q_in", xp) * quantity

    def effective_state(self, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> Array:
        """Return the tanks, imposed concentrations in place of the states they replace, ``(…, tank, component)``."""
        if self.rows.count > self.tanks:
            X = xp.block(X, 0, self.tanks)
        if forcing.imposed is None:
            return X
        return X * xp.constant(self.free, X) + forcing.imposed

    def rates(
        self, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array], n: Learnt[Array] | None = None
    ) -> Array:
        """Return the process rates ρ of f or f + n, ``(…, tank, process)``, at effective states [table units]."""
        arguments = rate_arguments(self.constants, X, forcing, xp, n)
        rho = xp.stack(self.kinetics.rates(X, arguments, xp))
        return rho if n is None else n.rates(rho, X, forcing.seen)

    def transport(self, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> Array:
        """Return what flows and aeration change in the tanks [g/(m³ d)], ``(…, tank, component)``."""
        out = xp.matmul(forcing.flows, X)
        if forcing.thickening is not None:
            out = out + xp.matmul(forcing.thickening, X * xp.constant(self.constants.solids, X))
        if forcing.source is not None:
            out = out + forcing.source
        return out if forcing.loss is None else out - forcing.loss * X

    def stoichiometry(self, p: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return S, ``(…, process, component)``; depends on the parameters alone."""
        entries = xp.entries(p)
        zero = entries[0] * 0.0
        rows = self.kinetics.stoichiometry(entries, xp)
        return xp.rows([xp.stack([zero if v is None else v + zero for v in row]) for row in rows])

    def change(
        self,
        tanks: Array,
        forcing: Forcing[Array],
        stoichiometry: Array,
        xp: ArrayNamespace[Array],
        n: Learnt[Array] | None = None,
    ) -> Array:
        """Return what transport, reactions and n change at effective states [g/(m³ d)], ``(…, tank, component)``."""
        reaction = xp.matmul(self.rates(tanks, forcing, xp, n), stoichiometry)
        change = self.transport(tanks, forcing, xp) + reaction
        return change if n is None else n.changed(change, tanks, forcing.seen)

    def derivative(
        self,
        X: Array,
        forcing: Forcing[Array],
        stoichiometry: Array,
        xp: ArrayNamespace[Array],
        n: Learnt[Array] | None = None,
    ) -> Array:
        """Return f(X; p), or f(X; p) + n(X; w) [g/(m³ d)]; zero where a concentration is imposed.

        Parameters
        ----------
        X : array, shape (…, row, component)
            The state.
        forcing : Forcing
            At the same time, worked out with the same n.
        stoichiometry : array, shape (…, process, component)
            From `stoichiometry`.
        xp : ArrayNamespace
            Array operations.
        n : Learnt, optional
            The learnt term; f alone without it.

        Returns
        -------
        array, shape (…, row, component)
        """
        slopes: list[Array] = []
        if self.steered:
            forcing, slopes = self.steer(X, forcing, xp)
        tanks = self.effective_state(X, forcing, xp)
        return self.assemble(self.change(tanks, forcing, stoichiometry, xp, n), X, tanks, forcing, slopes, xp)

    def assemble(
        self,
        change: Array,
        X: Array,
        tanks: Array,
        forcing: Forcing[Array],
        slopes: Sequence[Array],
        xp: ArrayNamespace[Array],
    ) -> Array:
        """Complete what transport and reactions change in the tanks to the derivative of the whole state.

        Parameters
        ----------
        change : array, shape (…, tank, component)
            Transport between tanks, aeration and reactions.
        X, tanks : array
            The state, and the effective state of the tanks.
        forcing : Forcing[Array]
            At the same time and state.
        slopes : sequence of array, shape (…, 1)
            Of volumes and controllers, from `steer`.
        xp : ArrayNamespace
            Array operations.

        Returns
        -------
        array, shape (…, row, component)
        """
        free = xp.constant(self.free, X)
        if self.rows.count == self.tanks:
            return change * free
        more: list[Array] = []
        if self.rows.primary is not None:
            tank = xp.block(X, self.rows.primary, self.rows.primary + 1)
            treated = xp.column(self.input(forcing.u, "Q_in", xp) * (1.0 - self._primary.sludge))
            arrives = treated * self.treated(X, xp)
            change = change + self._grown(xp.matmul(xp.constant(self.constants.entry, X), arrives), X, xp)
            mixing = xp.column(self.input(forcing.u, "Q_in", xp)) / self._primary.volume
            more.append(mixing * (self.influent(forcing.u, xp) - tank))
        if isinstance(self.layout.settler, TakacsSettler):
            returned, layers = self._layered(X, tanks, forcing, self.layout.settler, xp)
            if not self.layout.return_delay:
                change = change + self._grown(xp.matmul(xp.constant(self.constants.returned, X), returned), X, xp)
            more.append(layers)
        if self.rows.extra:
            more += self.extra_rows(self._smoothing(X, forcing, slopes, xp), xp)
        return xp.rows([change * free, *more])

    @property
    def _primary(self) -> PrimaryClarifier:
        assert self.layout.primary is not None
        return self.layout.primary

    def extra(self, X: Array, name: str, xp: ArrayNamespace[Array]) -> Array:
        """Return a state that is no concentration, ``(…, 1)``."""
        return xp.entry(xp.flat(xp.block(X, self.rows.layers[1], self.rows.count)), self.rows.extra.index(name))

    def _smoothing(
        self, X: Array, forcing: Forcing[Array], slopes: Sequence[Array], xp: ArrayNamespace[Array]
    ) -> list[Array]:
        """Put the slope of the smoothed flow between those of volumes and controllers."""
        if self.layout.primary is None:
            return list(slopes)
        volumes = sum(t.variable for t in self.layout.tanks)
        lag = (self.input(forcing.u, "Q_in", xp) - self.extra(X, "primary.flow", xp)) / self._primary.smoothing
        return [*slopes[:volumes], lag, *slopes[volumes:]]

    def extra_rows(self, values: list[Array], xp: ArrayNamespace[Array]) -> list[Array]:
        """Put values of states that are no concentrations, ``(…, 1)`` each, into rows ``(…, 1, component)``."""
        width = self.shape[1]
        filled = values + [0.0 * values[0]] * (-len(values) % width)
        return [xp.row(xp.join(filled[i : i + width])) for i in range(0, len(filled), width)]

    def volumes(self, X: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the volumes of the tanks [m³], ``(…, tank, 1)``."""
        volumes, growth = xp.constant(self.constants.volumes, X), self.growth(X, xp)
        return volumes if growth is None else volumes * growth

    def growth(self, X: Array, xp: ArrayNamespace[Array]) -> Array | None:
        """Return the volume over that at the start, ``(…, tank, 1)``; None where all are constant."""
        varying = [(i, t) for i, t in enumerate(self.layout.tanks) if t.variable]
        if not varying:
            return None
        growth = xp.constant(self.constants.constant_volumes, X)
        for i, tank in varying:
            ratio = xp.maximum(self.extra(X, f"{tank.name}.volume", xp) / tank.volume, 1e-3)
            growth = growth + xp.column(ratio) * xp.constant(self.constants.unit_columns[i], X)
        return growth

    def _grown(self, change: Array, X: Array, xp: ArrayNamespace[Array]) -> Array:
        growth = self.growth(X, xp)
        return change if growth is None else xp.scale(change, 1.0 / growth)

    def steer(self, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> tuple[Forcing[Array], list[Array]]:
        """Let controllers, cycles and volumes act: return the forcing as they make it, and their slopes.

        Parameters
        ----------
        X : array, shape (…, row, component)
            The state.
        forcing : Forcing[Array]
            As the inputs alone make it.
        xp : ArrayNamespace
            Array operations.

        Returns
        -------
        tuple of Forcing and list of array, shape (…, 1)
            The slopes of volumes, controllers and cycles, in the order of `Rows.extra`.
        """
        tanks, moved, found = self.effective_state(X, forcing, xp), dict[str, Array](), dict[str, list[Array]]()
        for cycle in self.layout.cycles:
            if cycle.states:
                phase = self.extra(X, cycle.states[0], xp)
                moved |= {name: cycle.chosen(phase, cycle.table(name), xp) for name in cycle.inputs}
                found[cycle.name] = [0.0 * phase, 1.0 + 0.0 * phase]
        for controller in self.controllers:
            key = f"{controller.name}.setpoint"
            setpoint = (
                moved[key] if key in moved else self.input(forcing.u, key, xp) if key in self.input_index else 0.0
            )
            noise = self.input(forcing.u, f"{controller.name}.noise", xp) if controller.sensor.noise > 0 else 0.0
            z = [self.extra(X, name, xp) for name in controller.states]
            value = self.sensed(controller, X, tanks, forcing, xp)
            tuned = tuned_values(controller, self.table.parameter_names, forcing.parameters, xp)
            output, found[controller.name] = controller.evaluate(z, value, setpoint, noise, xp, tuned)
            moved |= dict.fromkeys(controller.sets, output)
        u = forcing.u
        if moved:
            u = xp.join([moved.get(name, xp.entry(u, i)) for name, i in self.input_index.items()])
        steered = replace(
            self._driven(u, forcing.parameters, self.growth(X, xp), xp, forcing.late), measured=forcing.seen
        )
        net = xp.columns(xp.combine(u, xp.constant(self.constants.net_inflow, u)))
        slopes = [net[i] for i, t in enumerate(self.layout.tanks) if t.variable]
        loops = [c.name for c in self.layout.controllers] + [c.name for c in self.layout.cycles]
        return steered, slopes + [s for name in loops for s in found.get(name, ())]

    def sensed(
        self, controller: Controller, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]
    ) -> Array:
        """Return what gets to the sensor of a controller, ``(…, 1)``: what it measures, or has measured."""
        if controller.sensor.delay and forcing.late is not None:
            return xp.entry(forcing.late, next(s.begin for s in self.late if s.name == controller.name))
        return self.measured(X, tanks, forcing, controller.measured, xp)

    def measured(
        self, X: Array, tanks: Array, forcing: Forcing[Array], target: str, xp: ArrayNamespace[Array]
    ) -> Array:
        """Return what a controller measures, ``(…, 1)``: a volume, or a quantity in a tank."""
        return (
            self.extra(X, target, xp)
            if target in self.rows.extra
            else self.quantities.in_tank(tanks, forcing, target, xp)
        )

    def treated(self, X: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return what leaves the primary clarifier for the tanks, ``(…, 1, component)``."""
        assert self.rows.primary is not None
        tank = xp.block(X, self.rows.primary, self.rows.primary + 1)
        removed = xp.column(self._primary.removal(self.extra(X, "primary.flow", xp), xp))
        return tank - removed * (tank * xp.constant(self.constants.solid_row, X))

    def settled(self, X: Array, tanks: Array, forcing: Forcing[Array], layer: int, xp: ArrayNamespace[Array]) -> Array:
        """Return the water in a layer with solids of the feed's composition, ``(…, 1, component)``."""
        first, _ = self.rows.layers
        water = xp.block(X, first + layer, first + layer + 1)
        feed = xp.matmul(forcing.feed, tanks)
        fed = self.quantities.amount(feed, forcing, "TSS", xp)
        thick = xp.column(xp.columns(water)[self.rows.solids_column] / xp.maximum(fed, TINY))
        return water * xp.constant(self.constants.soluble_row, X) + thick * (
            feed * xp.constant(self.constants.solid_row, X)
        )

    def _layered(
        self, X: Array, tanks: Array, forcing: Forcing[Array], settler: TakacsSettler, xp: ArrayNamespace[Array]
    ) -> tuple[Array, Array]:
        """Return the return sludge [g/d], ``(…, 1, component)``, and what changes in the layers."""
        first, last = self.rows.layers
        water, column = xp.block(X, first, last), self.rows.solids_column
        feed = xp.matmul(forcing.feed, tanks)
        fed = self.quantities.amount(feed, forcing, "TSS", xp)
        mark = xp.constant(self.constants.solids_mark, X)
        entering = feed * xp.constant(self.constants.soluble_row, X) + xp.column(fed) * mark
        under = forcing.feed_flow - forcing.overflow
        change = xp.column(forcing.overflow) * xp.matmul(xp.constant(settler.rise, X), water)
        change = change + xp.column(under) * xp.matmul(xp.constant(settler.sink, X), water)
        change = change + xp.column(forcing.feed_flow) * xp.matmul(xp.constant(settler.entry, X), entering)
        solids = xp.column(xp.columns(water)[column])
        change = change + xp.matmul(settler.settling(solids, xp.column(fed), xp), mark)
        back = xp.column(self.input(forcing.u, "return_sludge", xp))
        return back * self.settled(X, tanks, forcing, settler.layers - 1, xp), change
