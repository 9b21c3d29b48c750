"""A centrifugal pump at any speed, from its curve at rated speed and the laws of similarity.

With ν = n / n_rated, flow Q, head H, density ρ, g = 9.80665 m/s²:

    H(Q, n) = H0 ν² + H1 ν Q + H2 Q²                          similarity: H ~ n², Q ~ n
    η(Q, n) = η_best · (1 - ((Q/ν - Q_best) / Q_best)²)       parabola through zero and the best point, ≥ 0
    Δp      = ρ g H                                           P = ρ g Q H / η

Similarity and characteristics as in J. F. Gülich, "Centrifugal Pumps" (Springer), chapters 3 and 4; head,
powers and efficiency as ISO 9906 defines them. The curve follows from two points that makers give, shut-off
head and head at the best flow, with zero slope at Q = 0 (H1 = 0), as most radial wheels have it.

Where the pressure rise is measured instead of the flow, `flow_from_head` is the curve solved for Q: a
flow meter that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lineshaft.twins.simulation.mechanism import Columns, Run, State, Variable, gives, setting, takes

_G = 9.80665
_BAR = 1e5


class Pump:
    """A radial pump; it has no memory, every instant stands alone."""

    memory_s: ClassVar[float] = 0.0
    variables: ClassVar[tuple[Variable, ...]] = (
        takes("speed", "/min", en="Speed", zh="转速"),
        takes("flow", "m3/h", en="Flow", zh="流量", start=float("nan")),
        takes("pressure_rise_measured", "bar", en="Measured pressure rise", zh="实测压升", start=float("nan")),
        setting("speed_rated", "/min", 2900.0, en="Rated speed", zh="额定转速", low=1.0),
        setting("head_shut", "m", 38.0, en="Shut-off head", zh="关死点扬程", low=0.1),
        setting("head_best", "m", 32.0, en="Head at best efficiency", zh="最佳效率点扬程", low=0.1),
        setting("flow_best", "m3/h", 24.0, en="Flow at best efficiency", zh="最佳效率点流量", low=1e-3),
        setting("efficiency_best", "1", 0.72, en="Best efficiency", zh="最高效率", low=0.01, high=1.0),
        setting("density", "kg/m3", 998.0, en="Density", zh="密度", low=1.0),
        gives("head", "m", en="Head", zh="扬程"),
        gives("pressure_rise", "bar", en="Pressure rise", zh="压升"),
        gives("efficiency", "%", en="Efficiency", zh="效率"),
        gives("power", "kW", en="Shaft power", zh="轴功率"),
        gives("flow_from_head", "m3/h", en="Virtual flow", zh="虚拟流量"),
    )

    def run(self, t: NDArray[np.float64], inputs: Columns, parameters: Mapping[str, float], state: State | None) -> Run:
        """Head (m), pressure rise (bar), efficiency (%), shaft power (kW) and flow from the measured head (m³/h)."""
        ratio = inputs["speed"] / parameters["speed_rated"]
        best, weight = parameters["flow_best"], parameters["density"] * _G
        fall = (parameters["head_best"] - parameters["head_shut"]) / best**2
        flow = inputs["flow"]
        head = parameters["head_shut"] * ratio**2 + fall * flow**2
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.where(ratio > 0, flow / ratio / best - 1, np.nan)
            efficiency = np.clip(parameters["efficiency_best"] * (1 - off**2), 0.0, 1.0)
            power = np.where(efficiency > 0.01, weight * flow / 3600 * head / efficiency / 1000, np.nan)
            measured = inputs["pressure_rise_measured"] * _BAR / weight
            virtual = np.sqrt(np.clip((measured - parameters["head_shut"] * ratio**2) / fall, 0.0, None))
        outputs = {
            "head": head,
            "pressure_rise": weight * head / _BAR,
            "efficiency": 100 * efficiency,
            "power": power,
            "flow_from_head": virtual if fall < 0 else np.full(len(t), np.nan),
        }
        return Run(outputs=outputs)
