"""What machines write as units, in UCUM."""

from __future__ import annotations

import pytest

from lineshaft.kernel.units import ucum


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        ("°C", "Cel"),
        (" m³ / h ", "m3/h"),
        ("rpm", "/min"),
        ("bar", "bar"),
        ("{bottles}/min", "{bottles}/min"),
        ("in H2O", "inH2O"),
        ("", ""),
        ("x" * 33, ""),
        ("a\x00b", ""),
    ],
)
def test_known_spellings_become_ucum_and_others_stay(said: str, unit: str) -> None:
    assert ucum(said) == unit
