"""Singles become the decimals they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.edge.singles import decimals


@pytest.mark.parametrize(
    "number", [23.45, -0.1, 230.4, 1e-3, 0.0265878, 3.3333333, 123456.7, 0.5, 7.0, 0.0, 16777216.0]
)
def test_a_decimal_comes_back_as_it_was_meant(number: float) -> None:
    assert decimals(np.array([number], dtype=np.float32)).tolist() == [float(str(np.float32(number)))]


@given(st.lists(st.floats(width=32), max_size=50))
def test_nothing_is_lost(numbers: list[float]) -> None:
    singles = np.array(numbers, dtype=np.float32)
    assert decimals(singles).astype(np.float32).tobytes() == singles.tobytes()


@given(st.floats(min_value=2.0**-40, max_value=2.0**24, width=32))
def test_there_is_no_shorter_decimal(number: float) -> None:
    single = np.float32(number)
    assert decimals(np.array([single])).tolist() == [float(str(single))]


def test_a_signalling_nan_is_a_nan_like_any_other() -> None:
    [number] = decimals(np.array([0x7F800001], dtype=np.uint32).view(np.float32))
    assert np.isnan(number)
