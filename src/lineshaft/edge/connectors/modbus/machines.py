"""The physics of the demo's Modbus machines: energy meters, a compressor, a tank.

Pure models: `step(dt_s)` moves them on, a seed makes them repeatable, nothing here knows Modbus.
They are simple but honest: energy is the integral of power, pressure follows what flows in and
out, a worn compressor runs hotter and draws more, and every reading carries its sensor's noise.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from enum import IntEnum


@dataclass(slots=True)
class Drift:
    """A quantity that wanders around a mean and is pulled back (Ornstein-Uhlenbeck)."""

    mean: float
    spread: float
    """Standard deviation in the long run."""
    pull_s: float
    """Seconds after which most of a deviation is forgotten."""
    value: float = math.nan

    def step(self, dt_s: float, chance: random.Random) -> float:
        if math.isnan(self.value):
            self.value = self.mean
        keep = math.exp(-dt_s / self.pull_s)
        noise = self.spread * math.sqrt(1 - keep * keep)
        self.value = self.mean + (self.value - self.mean) * keep + chance.gauss(0, noise)
        return self.value


@dataclass(slots=True)
class EnergyMeter:
    """A three-phase meter in front of some load: 230 V, sagging as current rises."""

    seed: int = 1
    load: Drift = field(default_factory=lambda: Drift(18.0, 4.0, 120.0))
    """Active power in kW of what hangs on the feeder besides known machines."""
    extra_kw: float = 0.0
    """Power of known machines on the same feeder, set from outside."""
    energy_kwh: float = 48_210.0
    power_kw: float = 0.0
    power_factor: float = 0.9
    frequency_hz: float = 50.0
    volts: list[float] = field(default_factory=lambda: [230.0] * 3)
    amps: list[float] = field(default_factory=lambda: [0.0] * 3)
    _chance: random.Random = field(init=False, compare=False)
    _grid: Drift = field(default_factory=lambda: Drift(231.0, 1.5, 300.0))
    _frequency: Drift = field(default_factory=lambda: Drift(50.0, 0.015, 20.0))

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self.step(0.0)

    def step(self, dt_s: float) -> None:
        chance = self._chance
        self.power_kw = max(0.3, self.load.step(dt_s, chance)) + self.extra_kw
        self.power_factor = 0.78 + 0.17 * (1 - math.exp(-self.power_kw / 25))
        self.frequency_hz = self._frequency.step(dt_s, chance)
        grid = self._grid.step(dt_s, chance)
        shares = (0.34, 0.33, 0.33)
        for phase, share in enumerate(shares):
            self.volts[phase] = grid + chance.gauss(0, 0.15)
            amps = self.power_kw * share * 1000 / (self.volts[phase] * self.power_factor)
            self.volts[phase] -= 0.02 * amps
            self.amps[phase] = amps * (1 + chance.gauss(0, 0.002))
        self.energy_kwh += self.power_kw * dt_s / 3600


class CompressorState(IntEnum):
    """What a screw compressor does."""

    STOPPED = 0
    IDLING = 1
    LOADED = 2
    TRIPPED = 3


@dataclass(slots=True)
class Compressor:
    """A 55 kW screw compressor that loads and idles to keep a receiver between two pressures.

    Receiver: dp/dt = (delivered - drawn) · 1.013 bar / volume. Motor: first order towards ambient
    plus a rise that grows with load and wear. Wear grows with loaded hours.
    """

    seed: int = 2
    pressure_bar: float = 7.0
    setpoint_bar: float = 7.2
    """Upper end of the pressure band; it loads again 0.6 bar below."""
    temperature_c: float = 71.0
    running: bool = True
    state: CompressorState = CompressorState.LOADED
    hours: float = 11_873.4
    starts: int = 1204
    wear: float = 0.05
    """0 new, 1 worn out."""
    wear_per_hour: float = 2e-5
    power_kw: float = 0.0
    demand: Drift = field(default_factory=lambda: Drift(5.0, 1.1, 90.0))
    """Air drawn by the plant in m³/min at atmospheric pressure."""
    _chance: random.Random = field(init=False, compare=False)

    DELIVERED = 8.6
    VOLUME_M3 = 2.0
    TRIP_C = 110.0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def step(self, dt_s: float) -> None:
        self._switch()
        loaded, turning = self.state is CompressorState.LOADED, self.state in (1, 2)
        drawn = max(0.0, self.demand.step(dt_s, self._chance)) * min(1.0, self.pressure_bar / 2)
        delivered = self.DELIVERED * (1 - 0.15 * self.wear) if loaded else 0.0
        self.pressure_bar = max(0.0, self.pressure_bar + (delivered - drawn) / 60 * 1.013 / self.VOLUME_M3 * dt_s)
        self.power_kw = (55.0 * (1 + 0.2 * self.wear) if loaded else 16.5) * turning
        rise = (58.0 * (1 + 0.9 * self.wear) if loaded else 30.0) * turning
        self.temperature_c += (22.0 + rise - self.temperature_c) * (1 - math.exp(-dt_s / 240))
        self.hours += dt_s / 3600 * turning
        self.wear = min(1.0, self.wear + self.wear_per_hour * dt_s / 3600 * loaded)

    def _switch(self) -> None:
        if self.temperature_c > self.TRIP_C:
            self.state = CompressorState.TRIPPED
        if self.state is CompressorState.TRIPPED:
            self.running = False
        elif not self.running:
            self.state = CompressorState.STOPPED
        elif self.state is CompressorState.STOPPED:
            self.state, self.starts = CompressorState.IDLING, self.starts + 1
        elif self.pressure_bar >= self.setpoint_bar:
            self.state = CompressorState.IDLING
        elif self.pressure_bar <= self.setpoint_bar - 0.6:
            self.state = CompressorState.LOADED

    def reset(self) -> None:
        """Clear a trip once the motor has cooled."""
        if self.state is CompressorState.TRIPPED and self.temperature_c < 90:
            self.state = CompressorState.STOPPED

    @property
    def measured_bar(self) -> float:
        return max(0.0, self.pressure_bar + self._chance.gauss(0, 0.006))

    @property
    def measured_c(self) -> float:
        return self.temperature_c + self._chance.gauss(0, 0.08)


@dataclass(slots=True)
class Tank:
    """A heated tank of 400 l, filled through one valve, drawn from by the process."""

    seed: int = 3
    level_l: float = 240.0
    temperature_c: float = 58.0
    setpoint_c: float = 60.0
    valve_open: bool = False
    automatic: bool = True
    """Whether the valve opens below 40 % and closes above 85 % by itself."""
    inflow_lpm: float = 0.0
    outflow_lpm: float = 0.0
    heater_kw: float = 0.0
    demand: Drift = field(default_factory=lambda: Drift(22.0, 5.0, 60.0))
    _chance: random.Random = field(init=False, compare=False)

    VOLUME_L = 400.0
    FILL_LPM = 60.0
    HEATER_KW = 200.0
    FEED_C = 35.0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def step(self, dt_s: float) -> None:
        if self.automatic:
            self.valve_open = self.percent < (85 if self.valve_open else 40)
        self.inflow_lpm = self.FILL_LPM if self.valve_open else 0.0
        self.outflow_lpm = max(0.0, self.demand.step(dt_s, self._chance)) * min(1.0, self.level_l / 40)
        entering = self.inflow_lpm * dt_s / 60
        self.level_l = min(self.VOLUME_L, max(1.0, self.level_l + entering - self.outflow_lpm * dt_s / 60))
        self._heat(dt_s, entering)

    def _heat(self, dt_s: float, entering_l: float) -> None:
        """Energy of the mixture: 4.186 kJ per litre and kelvin; the feed is preheated, the room has 22 °C."""
        self.heater_kw = min(self.HEATER_KW, max(0.0, 60.0 * (self.setpoint_c - self.temperature_c) + 6.0))
        lost_kw = 0.12 * (self.temperature_c - 22.0)
        self.temperature_c += (self.FEED_C - self.temperature_c) * min(1.0, entering_l / self.level_l)
        self.temperature_c += (self.heater_kw - lost_kw) * dt_s / (4.186 * self.level_l)

    @property
    def percent(self) -> float:
        return 100 * self.level_l / self.VOLUME_L

    @property
    def measured_percent(self) -> float:
        return min(100.0, max(0.0, self.percent + self._chance.gauss(0, 0.05)))

    @property
    def measured_c(self) -> float:
        return self.temperature_c + self._chance.gauss(0, 0.05)


@dataclass(slots=True)
class Utilities:
    """The machines together: the compressor hangs on the first meter, the tank's heater on the second."""

    main: EnergyMeter = field(default_factory=lambda: EnergyMeter(seed=11))
    process: EnergyMeter = field(
        default_factory=lambda: EnergyMeter(seed=12, load=Drift(9.0, 1.5, 60.0), energy_kwh=20_877.0)
    )
    compressor: Compressor = field(default_factory=Compressor)
    tank: Tank = field(default_factory=Tank)

    def step(self, dt_s: float) -> None:
        self.compressor.step(dt_s)
        self.tank.step(dt_s)
        self.main.extra_kw = self.compressor.power_kw
        self.process.extra_kw = self.tank.heater_kw
        self.main.step(dt_s)
        self.process.step(dt_s)
