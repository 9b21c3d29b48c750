"""The worked models against their equations, solved another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.simulation import SHELF, Sort, mechanism, run

T = np.arange(0.0, 3600.0, 1.0)


def level(**inputs: float | np.ndarray) -> dict[str, np.ndarray]:
    columns = {name: np.broadcast_to(np.asarray(value, float), T.shape) for name, value in inputs.items()}
    return run(mechanism("tank"), T, columns, {"volume_full": 400, "level_start": 40}).outputs


def test_a_tank_without_a_level_meter_is_the_integral_of_its_flows() -> None:
    found = level(inflow=22.0, outflow=20.0)["level"]
    assert found == pytest.approx(40 + 100 * (2 / 60 * T) / 400, abs=1e-9)


def test_a_leak_that_no_meter_sees_is_found_with_its_rate() -> None:
    true = 240 + np.cumsum(np.full(T.shape, (20.0 - 20.0 - 3.0) / 60))
    found = level(inflow=20.0, outflow=20.0, level_measured=100 * true / 400)
    assert found["leak"][-1] == pytest.approx(3.0, abs=0.02)
    assert found["level"][-1] == pytest.approx(100 * true[-1] / 400, abs=0.05)


def test_noise_of_the_level_meter_does_not_look_like_a_leak() -> None:
    rng = np.random.default_rng(1)
    found = level(inflow=20.0, outflow=20.0, level_measured=60 + rng.normal(0, 0.05, T.shape))
    assert np.abs(found["leak"][600:]).max() < 0.3


def test_a_tank_goes_on_from_its_state_as_if_it_had_never_stopped() -> None:
    inflow = 20 + 5 * np.sin(T / 200)
    columns = {"inflow": inflow, "outflow": np.full(T.shape, 20.0), "level_measured": np.full(T.shape, np.nan)}
    whole = run(mechanism("tank"), T, columns).outputs["level"]
    half = len(T) // 2
    first = run(mechanism("tank"), T[: half + 1], {n: c[: half + 1] for n, c in columns.items()})
    second = run(mechanism("tank"), T[half:], {n: c[half:] for n, c in columns.items()}, state=first.state)
    assert second.outputs["level"] == pytest.approx(whole[half:], abs=1e-9)


def test_missing_inputs_make_missing_outputs_and_leave_no_trace() -> None:
    inflow = np.full(T.shape, 21.0)
    inflow[100:200] = np.nan
    found = level(inflow=inflow, outflow=20.0)["level"]
    assert np.isnan(found[100:200]).all()
    assert np.isfinite(found[200:]).all()


def test_a_motor_warms_as_the_closed_form_says() -> None:
    t = np.array([0.0, 7.0, 60.0, 600.0, 3600.0, 86_400.0])
    parameters = {"power_rated": 55, "rise_rated": 58, "constant_share": 1.0, "time_constant": 1200.0}
    columns = {"power": np.full(len(t), 55.0), "ambient": np.full(len(t), 22.0)}
    found = run(mechanism("motor"), t, columns, parameters).outputs["temperature"]
    assert found == pytest.approx([22 + 58 * (1 - math.exp(-x / 1200)) for x in t], abs=1e-9)


def test_a_motor_at_rated_load_settles_at_its_rated_rise_with_warm_copper() -> None:
    t = np.array([0.0, 1e6])
    columns = {"power": np.full(2, 55.0), "ambient": np.full(2, 22.0)}
    assert run(mechanism("motor"), t, columns).outputs["temperature"][-1] == pytest.approx(80.0, abs=1e-9)


def test_a_load_without_a_stable_temperature_is_refused() -> None:
    with pytest.raises(Invalid, match="no temperature is stable"):
        run(mechanism("motor"), T[:2], {"power": np.full(2, 5500.0)})


PUMP = {"speed_rated": 2900.0, "head_shut": 38.0, "head_best": 32.0, "flow_best": 24.0, "efficiency_best": 0.72}


def pump(speed: float, flow: float, **more: float) -> dict[str, float]:
    columns = {name: np.array([value]) for name, value in {"speed": speed, "flow": flow, **more}.items()}
    return {name: float(v[0]) for name, v in run(mechanism("pump"), np.zeros(1), columns, PUMP).outputs.items()}


def test_a_pump_meets_its_best_point() -> None:
    best = pump(2900, 24)
    assert best["head"] == pytest.approx(32.0)
    assert best["efficiency"] == pytest.approx(72.0)
    assert best["power"] == pytest.approx(998 * 9.80665 * 24 / 3600 * 32 / 0.72 / 1000)


def test_a_pump_follows_the_laws_of_similarity() -> None:
    fast, slow = pump(2900, 20), pump(1450, 10)
    assert fast["head"] / slow["head"] == pytest.approx(4)
    assert fast["efficiency"] == pytest.approx(slow["efficiency"])
    assert fast["power"] / slow["power"] == pytest.approx(8)


def test_the_virtual_flow_meter_reads_what_flows() -> None:
    seen = pump(2600, 17)
    assert pump(2600, math.nan, pressure_rise_measured=seen["pressure_rise"])["flow_from_head"] == pytest.approx(17)


@pytest.mark.parametrize("name", sorted(SHELF.plugins))
def test_every_mechanism_on_the_shelf_says_what_it_needs(name: str) -> None:
    made, plugin = mechanism(name), SHELF.get(name)
    names = {sort: {v.name for v in made.variables if v.sort is sort} for sort in Sort}
    assert set(plugin.manifest["binds"]) <= names[Sort.INPUT]
    assert set(plugin.manifest["compares"]) <= names[Sort.OUTPUT]
    assert all(v.title.get("en") for v in made.variables)
    assert len(made.variables) == len({(v.sort, v.name) for v in made.variables})


@pytest.mark.parametrize(
    ("t", "inputs", "parameters", "says"),
    [
        ([0, 1], {"inflow": [1, 1], "outflow": [1, 1]}, {"volume": 3}, "There is no parameter 'volume'. Did you mean"),
        ([0, 1], {"inflow": [1, 1], "outflow": [1, 1]}, {"volume_full": 0}, "volume_full' is 0, outside 0.001 to ∞ L"),
        ([0, 1], {"inflow": [1, 1]}, {}, "The input 'outflow' is missing"),
        ([0, 1], {"inflow": [1], "outflow": [1, 1]}, {}, "'inflow' has 1 values for 2 instants"),
        ([0, 1], {"inflw": [1, 1], "outflow": [1, 1]}, {}, "no input 'inflw'. Did you mean 'inflow'"),
        ([1, 1], {"inflow": [1, 1], "outflow": [1, 1]}, {}, "instants of a run must increase"),
    ],
)
def test_what_does_not_fit_is_named(t: list[float], inputs: dict, parameters: dict, says: str) -> None:
    columns = {name: np.array(values, float) for name, values in inputs.items()}
    with pytest.raises(Invalid) as caught:
        run(mechanism("tank"), np.array(t, float), columns, parameters)
    assert says in str(caught.value)
