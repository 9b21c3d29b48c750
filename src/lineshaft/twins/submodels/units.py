"""Turns quantities from one unit into another; units are written in UCUM, as UN/ECE codes, or as words.

UCUM (`mm`, `[in_i]`, `Cel`, `kW.h`, `m/s2`) and UN/ECE recommendation 20 (`MMT`, `INH`, `CEL`, `KWH`) are what
templates and machines use; `unit:millimetre` is how SAMM models spell it. The arithmetic is pint's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lineshaft.kernel.errors import Invalid

if TYPE_CHECKING:
    import pint


def _table(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


_UCUM = _table(
    """
    1=dimensionless %=percent Cel=degC [degF]=degF [in_i]=inch [ft_i]=foot [lb_av]=pound [psi]=psi
    [gal_us]=gallon '=arcminute ''=arcsecond deg=degree Ohm=ohm a=year mo=month wk=week d=day h=hour min=minute
    u=dalton {cycle}=count {piece}=count {rpm}=rpm [ppm]=ppm t=metric_ton
    """
)
"""Codes whose letters mean something else to pint, or nothing."""
_UNECE = _table(
    """
    C62=count H87=count EA=count P1=percent 59=ppm MMT=mm CMT=cm DMT=dm MTR=m KMT=km INH=inch FOT=foot
    4H=micrometer GRM=g KGM=kg TNE=metric_ton LBR=pound MGM=mg SEC=s C26=ms MIN=minute HUR=hour DAY=day ANN=year
    CEL=degC KEL=kelvin FAH=degF PAL=pascal KPA=kPa MPA=MPa BAR=bar NEW=N NU=N*m WTT=W KWT=kW KWH=kW*hour JOU=J
    AMP=A AMH=A*hour VLT=V OHM=ohm HTZ=Hz RPM=rpm LTR=liter MLT=ml MTQ=m**3 MQH=m**3/hour MTS=m/s MMK=mm**2
    CMK=cm**2 MTK=m**2 DD=degree
    """
)
_PART = re.compile(r"([A-Za-zµμΩ°\[\]_{}']+|%)(-?\d+)?")


class BadUnit(Invalid):
    """A unit is not known, or a quantity cannot be turned into another."""

    code = "twins.bad_unit"
    default_hint = "Write units in UCUM, such as mm, Cel, kW.h or m/s2."


def convert(value: float, unit: str, to: str) -> float:
    """The value in another unit; BadUnit when one is unknown or they measure different things."""
    if unit.strip() == to.strip():
        return value
    import pint

    try:
        return float(_registry().Quantity(value, _known(unit)).to(_known(to)).magnitude)
    except pint.DimensionalityError as error:
        raise BadUnit(f"{unit!r} cannot be turned into {to!r}: they measure different things.") from error


def read_in(value: float, unit: str, to: str) -> float:
    """The same, to 12 digits: as people and machines read it."""
    return value if unit.strip() == to.strip() else float(f"{convert(value, unit, to):.12g}")


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[float]:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


@lru_cache(maxsize=1024)
def _known(unit: str) -> pint.Unit:
    import pint

    text = unit.strip().rsplit(":", 1)[-1].rsplit("#", 1)[-1]
    try:
        return _registry().Unit(_UNECE.get(text) or _spelled(text))
    except (pint.PintError, AssertionError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise BadUnit(f"The unit {unit!r} is not known.") from error


def _spelled(text: str) -> str:
    """UCUM as pint reads it: '.' multiplies, a number behind a unit is its power."""
    if not text or text in _UCUM:
        return _UCUM.get(text, "dimensionless")
    if not re.fullmatch(r"[\wµμΩ°%./\[\]{}'-]{1,60}", text):
        raise ValueError(text)
    return "/".join("*".join(map(_powers, factor.split("."))) or "1" for factor in text.split("/"))


def _powers(part: str) -> str:
    found = _PART.fullmatch(part)
    if found is None:
        return part
    name = _UCUM.get(found[1], found[1])
    return f"{name}**{found[2]}" if found[2] else name
