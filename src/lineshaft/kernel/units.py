"""Units of measurement: what machines write, in UCUM (https://ucum.org)."""

from __future__ import annotations

from collections.abc import Mapping

MOST_UNIT = 32
"""Characters; what is longer is no unit."""
SPELLINGS: Mapping[str, str] = {
    "°C": "Cel", "℃": "Cel", "C": "Cel", "degC": "Cel", "°F": "[degF]", "degF": "[degF]", "ml": "mL", "l": "L",
    "l/min": "L/min", "l/s": "L/s", "l/h": "L/h", "m³": "m3", "m³/h": "m3/h", "m³/min": "m3/min", "kWh": "kW.h",
    "Wh": "W.h", "MWh": "MW.h", "kVA": "kV.A", "VA": "V.A", "Nm": "N.m", "N·m": "N.m", "rpm": "/min", "r/min": "/min",
    "1/min": "/min", "min-1": "/min", "1/s": "/s", "1/h": "/h", "µm": "um", "m/s²": "m/s2", "mm²": "mm2", "m²": "m2",
    "Ω": "Ohm", "ppm": "[ppm]", "µg/m³": "ug/m3", "°": "deg", "dBm": "dB[mW]", "mmHg": "mm[Hg]", "psi": "[psi]",
}  # fmt: skip


def ucum(text: str) -> str:
    """A unit in UCUM where its spelling is known, otherwise as it is without blanks; empty when it can be none."""
    plain = "".join(text.split())
    return SPELLINGS.get(plain, plain) if len(plain) <= MOST_UNIT and plain.isprintable() else ""
