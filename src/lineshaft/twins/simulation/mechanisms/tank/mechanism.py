"""The level of a tank from the balance of its volume, with a slow correction that shows up as a leak.

Balance of volume of a vessel with a constant cross-section (incompressible liquid):

    dV/dt = q_in - q_out - q_leak            h = V / V_full

A balance alone drifts away with the errors of two flow meters, so it is observed: where a level is
measured (input `level_measured`, NaN where it is not), a Luenberger observer pulls the volume with gain
k = 2/T and explains what remains by a leak with gain k²/2, so both poles lie at (-1 ± i)/T
(D. G. Luenberger, "Observing the state of a linear system", IEEE Transactions on Military Electronics 8,
1964; the leak is the constant disturbance of a proportional-integral observer). `leak` is then the flow that
neither meter sees: positive when liquid is lost, negative when it enters unseen.

Each step is exact for inputs that hold during it when nothing is measured, and of first order in the
observer otherwise; steps longer than T/4 are divided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lineshaft.twins.simulation.mechanism import Columns, Run, State, Variable, gives, setting, takes


class Tank:
    """A tank with measured inflow and outflow; units as the tank of the type library has them."""

    memory_s: ClassVar[float] = 900.0
    variables: ClassVar[tuple[Variable, ...]] = (
        takes("inflow", "L/min", en="Inflow", zh="流入量"),
        takes("outflow", "L/min", en="Outflow", zh="流出量"),
        takes("level_measured", "%", en="Measured level", zh="实测液位", start=math.nan),
        setting("volume_full", "L", 400.0, en="Volume when full", zh="满罐容积", low=1e-3),
        setting("level_start", "%", 50.0, en="Level to start from", zh="起始液位", low=0.0, high=100.0),
        setting("settling", "s", 120.0, en="Observer time constant", zh="观测器时间常数", low=1.0),
        gives("level", "%", en="Computed level", zh="计算液位"),
        gives("leak", "L/min", en="Unseen outflow", zh="泄漏量"),
    )

    def run(self, t: NDArray[np.float64], inputs: Columns, parameters: Mapping[str, float], state: State | None) -> Run:
        """Level in % of the full volume and leak in L/min at each instant; state: volume (L), leak (L/s), t (s)."""
        full, settling = parameters["volume_full"], parameters["settling"]
        net = (inputs["inflow"] - inputs["outflow"]) / 60
        seen = inputs["level_measured"] / 100 * full
        volume, leak, before = _begin(t, seen, full * parameters["level_start"] / 100, state)
        level, leaks, held = np.empty(len(t)), np.empty(len(t)), math.nan
        for i, now in enumerate(t.tolist()):
            if not math.isnan(held):
                volume, leak = _advance(volume, leak, held, float(seen[i]), now - before, settling)
                volume = min(max(volume, 0.0), full)
            before, held = now, float(net[i])
            blind = math.isnan(held)
            level[i], leaks[i] = (math.nan, math.nan) if blind else (100 * volume / full, 60 * leak)
        return Run(outputs={"level": level, "leak": leaks}, state={"volume": volume, "leak": leak})


def _begin(
    t: NDArray[np.float64], seen: NDArray[np.float64], start: float, state: State | None
) -> tuple[float, float, float]:
    """Volume, leak and time to begin with: those of the run before, else the first level that was measured."""
    first = float(t[0]) if len(t) else 0.0
    if state is not None:
        return state["volume"], state["leak"], first
    known = seen[np.isfinite(seen)]
    return (float(known[0]) if len(known) else start), 0.0, first


def _advance(volume: float, leak: float, net: float, seen: float, span: float, settling: float) -> tuple[float, float]:
    if math.isnan(seen):
        return volume + (net - leak) * span, leak
    parts = max(1, math.ceil(4 * span / settling))
    step, pull = span / parts, 2 / settling
    for _ in range(parts):
        off = seen - volume
        volume += step * (net - leak + pull * off)
        leak -= step * pull * pull / 2 * off
    return volume, leak
