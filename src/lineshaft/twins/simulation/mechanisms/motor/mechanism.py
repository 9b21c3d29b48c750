"""The temperature of an electric motor as one body that is heated by its losses and cooled by its frame.

    C dT/dt = P_loss - (T - T_a) / R           τ = R C,  R = rise_rated / P_loss_rated

Losses follow the load squared beside a constant share, and copper's resistance grows with temperature:

    P_loss / P_loss_rated = c + (1 - c) · (I / I_rated)² · (235 + T) / (235 + T_rated)

One first-order body, as thermal overload protection models a motor (IEC 60255-149); 235 is what IEC 60034-1
adds to the temperature of copper in °C to make its resistance proportional. `power` may just as well be a
current: its share of the rated value, in the same unit, is what counts.

Each step is exact for a load that holds during it: T_next = T_e + (T - T_e) · exp(-Δt / τ), where T_e is the
temperature at which losses and cooling are equal, which the linear growth of resistance leaves in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.simulation.mechanism import Columns, Run, State, Variable, gives, setting, takes

_COPPER_ZERO = 235.0


class Motor:
    """A motor under a load that is measured as power or current."""

    memory_s: ClassVar[float] = 3 * 3600.0
    variables: ClassVar[tuple[Variable, ...]] = (
        takes("power", "kW", en="Load", zh="负载"),
        takes("ambient", "Cel", en="Ambient", zh="环境温度", start=22.0),
        setting("power_rated", "kW", 55.0, en="Rated load", zh="额定负载", low=1e-6),
        setting("rise_rated", "K", 58.0, en="Rated temperature rise", zh="额定温升", low=0.1),
        setting("constant_share", "1", 0.3, en="Share of constant losses", zh="恒定损耗占比", low=0.0, high=1.0),
        setting("time_constant", "s", 1200.0, en="Thermal time constant", zh="热时间常数", low=1.0),
        setting("temperature_start", "Cel", 22.0, en="Temperature to start from", zh="起始温度"),
        gives("temperature", "Cel", en="Computed temperature", zh="计算温度"),
        gives("settles_at", "Cel", en="Settles at", zh="稳态温度"),
    )

    def run(self, t: NDArray[np.float64], inputs: Columns, parameters: Mapping[str, float], state: State | None) -> Run:
        """Temperature now, and the one this load would settle at, in °C at each instant; state: temperature."""
        rise, share, tau = (parameters[name] for name in ("rise_rated", "constant_share", "time_constant"))
        copper = (1 - share) * np.square(inputs["power"] / parameters["power_rated"])
        # Losses are linear in T: rise · (share + copper · (235 + T) / (235 + T_rated)) = T - T_a at equilibrium.
        rated = _COPPER_ZERO + 22.0 + rise
        growth = rise * copper / rated
        if np.nanmax(growth, initial=0.0) >= 1:
            raise Invalid("The load is so far above the rated one that no temperature is stable.", hint="Check units.")
        settles = (inputs["ambient"] + rise * share + growth * _COPPER_ZERO) / (1 - growth)
        speed = (1 - growth) / tau
        temperature = parameters["temperature_start"] if state is None else state["temperature"]
        found = np.empty(len(t))
        for i, now in enumerate(t.tolist()):
            if i and not math.isnan(settles[i - 1]):
                keep = math.exp(-(now - t[i - 1]) * speed[i - 1])
                temperature = float(settles[i - 1] + (temperature - settles[i - 1]) * keep)
            found[i] = math.nan if math.isnan(settles[i]) else temperature
        return Run(outputs={"temperature": found, "settles_at": settles}, state={"temperature": temperature})
