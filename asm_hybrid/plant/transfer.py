"""Transfer of oxygen and other gases between the air of aeration and the water.

A gas has the kLa of oxygen times a ratio. Where kLa is given, the air is taken as fresh all the way up. Where the air
flow is known, its bubbles fill on their way with what they strip [1]_: with N = kLa V/(Q_air H) they leave with the
share 1 - exp(-N) of the gas that they could hold, and the water loses (1 - exp(-N))/N of what fresh air would take; H
is what a m³ of air at 0 °C and 1 atm holds in equilibrium, by what a m³ of water does. This counts for gases that
dissolve well, such as N2O; for N2 the share is near one. What kLa or SOTE says of oxygen is how much of it is
transferred in all, and stays as it is.

References
----------
.. [1] C. Matter-Müller, W. Gujer, W. Giger (1981), "Transfer of volatile substances from water to the atmosphere",
   Water Res. 15, 1271-1279, https://doi.org/10.1016/0043-1354(81)90104-4.
"""

from __future__ import annotations

from asm_hybrid.kinetics import Gas
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.aeration import AirLaw
from asm_hybrid.plant.constants import Constants
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["bubble_share", "equilibrium", "saturations", "solubility", "transfer"]

ATMOSPHERE = 101325.0
"""Pressure of the air [Pa]."""
WARM = 298.15
"""Temperature at which Henry's constants are given [K]."""
GAS_CONSTANT = 8.314462618
"""Molar gas constant [J/(mol K)] (CODATA 2018)."""
NORMAL = 273.15
"""Temperature at which volumes of air are counted [K]."""


def solubility(gas: Gas, temperature: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return Henry's solubility constant.

    Parameters
    ----------
    gas : Gas
        The gas.
    temperature : array
        Liquid temperature [°C].
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array
        Constant [mol/(m³ Pa)], shaped as ``temperature``.

    References
    ----------
    .. [1] R. Sander (2023), "Compilation of Henry's law constants (version 5.0.0) for water as solvent", Atmos. Chem.
       Phys. 23, 10901-12440, https://doi.org/10.5194/acp-23-10901-2023: temperature dependence after van 't Hoff.
    """
    return gas.henry * xp.exp(gas.henry_T * (1.0 / (temperature + 273.15) - 1.0 / WARM))


def equilibrium(gas: Gas, temperature: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return the concentration of a gas in water that is in equilibrium with dry air of 1 atm.

    Parameters
    ----------
    gas, temperature, xp
        As in `solubility`.

    Returns
    -------
    array
        Concentration, in the unit of the component, shaped as ``temperature``.
    """
    return gas.per_mol * gas.in_air * ATMOSPHERE * solubility(gas, temperature, xp)


def bubble_share(gas: Gas, law: AirLaw, temperature: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return transfer over that into air that stays fresh, (1 - exp(-N))/N [-].

    Parameters
    ----------
    gas : Gas
        The gas.
    law : AirLaw
        Of the tank; N does not depend on the air flow, to which it makes kLa proportional.
    temperature : array
        Liquid temperature [°C].
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array
        The share, shaped as ``temperature``.
    """
    flow = 1.0 + 0.0 * temperature
    held = GAS_CONSTANT * NORMAL * solubility(gas, temperature, xp)
    units = gas.kla_ratio * law.kla(flow, 1.0, temperature, xp) * held
    return (1.0 - xp.exp(-1.0 * units)) / units


def saturations(constants: Constants, u: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return the concentrations in equilibrium with air, zero for what is no gas.

    Parameters
    ----------
    constants : Constants
        Of the plant.
    u : array, shape (…, input)
        Inputs.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array, shape (…, 1, component)
        Each in the unit of its component; oxygen as `Aeration` has it.
    """
    table, temperature = constants.table, xp.entry(u, constants.inputs.positions["T"])
    found = {gas.component: equilibrium(gas, temperature, xp) for gas in table.gases}
    if table.oxygen is not None:
        found[table.oxygen] = constants.layout.aeration.saturated(temperature, xp)
    return _row(constants, found, temperature, xp)


def transfer(
    constants: Constants, u: Array, growth: Array | None, xp: ArrayNamespace[Array]
) -> tuple[Array, Array] | None:
    """Return what the air brings to the tanks, and takes from them.

    Parameters
    ----------
    constants : Constants
        Of the plant.
    u : array, shape (…, input)
        Inputs.
    growth : array or None, shape (…, tank, 1)
        Volume over that at the start, where it varies.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    source : array, shape (…, tank, component)
        Transfer into water that holds nothing of the gas [g/(m³ d)].
    loss : array, shape (…, tank, component)
        Its fall with the concentration [1/d]; the transfer is ``source - loss X``. None in the place of both where no
        tank is aerated.
    """
    if constants.aeration is None:
        return None
    layout, gases = constants.layout, constants.table.gases
    temperature = xp.entry(u, constants.inputs.positions["T"])
    pick, ratios = constants.aeration
    kla = xp.combine(u, xp.constant(pick, u))
    if layout.aeration.theta != 1.0:
        kla = xp.column(layout.aeration.factor(temperature, xp)) * kla
    blown = []
    for i, tank in enumerate(layout.tanks):
        if tank.air:
            air = xp.entry(u, constants.inputs.positions[f"{tank.name}.air"])
            found = xp.column(tank.air.kla(air, tank.volume, temperature, xp))
            found = found * xp.constant(constants.unit_columns[i], u)
            found = found if growth is None else found / growth
            if gases:
                shares = {gas.component: gas.kla_ratio * bubble_share(gas, tank.air, temperature, xp) for gas in gases}
                shares[str(constants.table.oxygen)] = 1.0 + 0.0 * temperature
                blown.append(xp.matmul(found, _row(constants, shares, temperature, xp)))
            else:
                kla = kla + found
    loss = xp.matmul(kla, xp.constant(ratios, u))
    if not gases:
        return loss * xp.column(layout.aeration.saturated(temperature, xp)), loss
    loss = sum(blown, loss)
    air_holds = xp.matmul(xp.constant(constants.every_tank, u), saturations(constants, u, xp))
    return loss * air_holds, loss


def _row(constants: Constants, values: dict[str, Array], temperature: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return values by component as a row ``(…, 1, component)``, zero for the others."""
    nothing = 0.0 * temperature
    return xp.row(xp.join([values.get(name, nothing) for name in constants.table.component_names]))
