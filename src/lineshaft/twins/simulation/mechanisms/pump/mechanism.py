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

from lineshaft.twins.simulation.mechanism import Columns, Run, Sort, State, Variable

_G = 9.80665
_BAR = 1e5


class Pump:
    """A radial pump; it has no memory, every instant stands alone."""

    memory_s: ClassVar[float] = 0.0
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable(name="speed", sort=Sort.INPUT, unit="/min", title={"en": "Speed", "zh": "转速"}),
        Variable(name="flow", sort=Sort.INPUT, unit="m3/h", start=float("nan"), title={"en": "Flow", "zh": "流量"}),
        Variable(
            name="pressure_rise_measured",
            sort=Sort.INPUT,
            unit="bar",
            start=float("nan"),
            title={"en": "Measured pressure rise", "zh": "实测压升"},
        ),
        Variable(
            name="speed_rated",
            sort=Sort.PARAMETER,
            unit="/min",
            start=2900.0,
            low=1.0,
            title={"en": "Rated speed", "zh": "额定转速"},
        ),
        Variable(
            name="head_shut",
            sort=Sort.PARAMETER,
            unit="m",
            start=38.0,
            low=0.1,
            title={"en": "Shut-off head", "zh": "关死点扬程"},
        ),
        Variable(
            name="head_best",
            sort=Sort.PARAMETER,
            unit="m",
            start=32.0,
            low=0.1,
            title={"en": "Head at best efficiency", "zh": "最佳效率点扬程"},
        ),
        Variable(
            name="flow_best",
            sort=Sort.PARAMETER,
            unit="m3/h",
            start=24.0,
            low=1e-3,
            title={"en": "Flow at best efficiency", "zh": "最佳效率点流量"},
        ),
        Variable(
            name="efficiency_best",
            sort=Sort.PARAMETER,
            unit="1",
            start=0.72,
            low=0.01,
            high=1.0,
            title={"en": "Best efficiency", "zh": "最高效率"},
        ),
        Variable(
            name="density",
            sort=Sort.PARAMETER,
            unit="kg/m3",
            start=998.0,
            low=1.0,
            title={"en": "Density", "zh": "密度"},
        ),
        Variable(name="head", sort=Sort.OUTPUT, unit="m", title={"en": "Head", "zh": "扬程"}),
        Variable(name="pressure_rise", sort=Sort.OUTPUT, unit="bar", title={"en": "Pressure rise", "zh": "压升"}),
        Variable(name="efficiency", sort=Sort.OUTPUT, unit="%", title={"en": "Efficiency", "zh": "效率"}),
        Variable(name="power", sort=Sort.OUTPUT, unit="kW", title={"en": "Shaft power", "zh": "轴功率"}),
        Variable(name="flow_from_head", sort=Sort.OUTPUT, unit="m3/h", title={"en": "Virtual flow", "zh": "虚拟流量"}),
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
