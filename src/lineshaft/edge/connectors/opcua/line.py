"""A packaging line as physics: machines, bottles between them, heat, wear and stops. No I/O.

    Filler ─▶ conveyor ─▶ Capper ─▶ conveyor ─▶ Labeller ─▶ conveyor ─▶ Palletiser

Each machine follows the PackML state machine (ISA-TR88.00.02): it stops for its own faults (Aborted)
and waits when it is starved or blocked (Suspended). The bearing of the capper wears out: over about
twenty minutes its vibration, temperature and torque climb and its stops become more frequent, until it
seizes, is replaced, and begins anew. The same seed and the same steps give the same line.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, TypeAlias

Reading: TypeAlias = float | int | bool | str | list[float]


class State(IntEnum):
    """PackML states, by their numbers."""

    UNDEFINED = 0
    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17


class Mode(IntEnum):
    """PackML unit modes."""

    INVALID = 0
    PRODUCTION = 1
    MAINTENANCE = 2
    MANUAL = 3


_PASSING: dict[State, tuple[State, float]] = {
    State.ABORTING: (State.ABORTED, 1.0),
    State.CLEARING: (State.STOPPED, 3.0),
    State.STOPPED: (State.RESETTING, 1.0),
    State.RESETTING: (State.IDLE, 3.0),
    State.IDLE: (State.STARTING, 1.0),
    State.STARTING: (State.EXECUTE, 2.0),
    State.SUSPENDING: (State.SUSPENDED, 1.0),
    State.UNSUSPENDING: (State.EXECUTE, 1.0),
}
"""States that end by themselves: what follows, and after how many seconds."""

AMBIENT_C = 22.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One value a machine shows."""

    name: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float = 0.0
    """Resolution of the sensor; 0 leaves the value as it is."""
    writable: bool = False
    description: str = ""


COMMON = (
    Signal(name="State", description="PackML state"),
    Signal(name="Mode", description="PackML unit mode"),
    Signal(name="StopReason", description="Why the machine does not run"),
    Signal(name="GuardClosed", description="All guard doors are closed"),
    Signal(name="Good", description="Good products since start"),
    Signal(name="Reject", description="Rejected products since start"),
    Signal(name="Total", description="All products since start"),
    Signal(name="Speed", unit="1/min", low=0, high=400, step=0.5, description="Products per minute now"),
    Signal(
        name="SpeedSetpoint", unit="1/min", low=0, high=400, writable=True, description="Products per minute wanted"
    ),
    Signal(name="MotorCurrent", unit="A", low=0, high=20, step=0.01, description="Main drive"),
)


class Machine:
    """What all machines of the line have in common."""

    name: ClassVar[str]
    extra: ClassVar[tuple[Signal, ...]] = ()
    jams_per_hour: ClassVar[float] = 2.0
    jam_s: ClassVar[float] = 15.0
    jam: ClassVar[str] = "jam"
    reject_share: ClassVar[float] = 0.004

    def __init__(self, dice: random.Random, setpoint: float) -> None:
        self.dice = dice
        self.setpoint = setpoint
        self.speed = 0.0
        self.state, self.mode, self.reason = State.IDLE, Mode.PRODUCTION, ""
        self.good = self.reject = 0
        self._left_s, self._down_s = 1.0, 0.0
        self._carry = 0.0

    @property
    def signals(self) -> tuple[Signal, ...]:
        return COMMON + self.extra

    @property
    def load(self) -> float:
        """Speed as a share of 200 products a minute."""
        return self.speed / 200.0

    def step(self, dt: float, waiting: float, room: float) -> tuple[float, int]:
        """Run for `dt` seconds; returns how many products were taken and how many good ones came out."""
        self._pass_states(dt, waiting, room)
        target = self.setpoint if self.state is State.EXECUTE else 0.0
        self.speed += (target - self.speed) * (1 - math.exp(-dt / 3.0))
        taken = min(self.speed / 60 * dt, waiting, room) if self.state is State.EXECUTE else 0.0
        self.heat(dt)
        return taken, self._count(taken)

    def heat(self, dt: float) -> None:
        """What goes on inside the machine."""

    def jam_rate(self) -> float:
        """Jams per hour of running, just now."""
        return self.jams_per_hour

    def readings(self) -> dict[str, Reading]:
        """Every signal as the control shows it."""
        values: dict[str, Reading] = {
            "State": int(self.state),
            "Mode": int(self.mode),
            "StopReason": self.reason,
            "GuardClosed": self.state is not State.ABORTED,
            "Good": self.good,
            "Reject": self.reject,
            "Total": self.good + self.reject,
            "Speed": max(0.0, self.speed + (self.dice.gauss(0, 0.4) if self.speed > 1 else 0.0)),
            "SpeedSetpoint": self.setpoint,
            "MotorCurrent": 0.6 + 5.5 * self.load + self.dice.gauss(0, 0.02),
        }
        values |= self.own()
        return {signal.name: _quantised(values[signal.name], signal.step) for signal in self.signals}

    def own(self) -> dict[str, Reading]:
        """The signals only this machine has."""
        return {}

    def stop(self, reason: str, seconds: float, mode: Mode = Mode.PRODUCTION) -> None:
        """Fall out for so long."""
        self.state, self.mode, self.reason = State.ABORTING, mode, reason
        self._left_s, self._down_s = 1.0, seconds

    def _pass_states(self, dt: float, waiting: float, room: float) -> None:
        cause = "starved" if waiting < 1 else "blocked" if room < 1 else ""
        self._left_s -= dt
        if self.state is State.EXECUTE:
            if self.dice.random() < 1 - math.exp(-self.jam_rate() * self.load * dt / 3600):
                self.stop(self.jam, self.dice.lognormvariate(math.log(self.jam_s), 0.5))
            elif cause:
                self._enter(State.SUSPENDING, cause)
        elif self.state is State.SUSPENDED:
            if min(waiting, room) > 8:
                self._enter(State.UNSUSPENDING)
        elif self.state is State.ABORTED:
            if self._left_s <= 0:
                self.mode = Mode.PRODUCTION
                self._enter(State.CLEARING, self.reason)
        elif self._left_s <= 0:
            self._follow()

    def _follow(self) -> None:
        following, _ = _PASSING[self.state]
        self._enter(following, "" if following is State.EXECUTE else self.reason)
        if following is State.ABORTED:
            self._left_s = self._down_s

    def _enter(self, state: State, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._left_s = _PASSING[state][1] if state in _PASSING else 0.0

    def _count(self, taken: float) -> int:
        self._carry += taken
        whole = int(self._carry)
        self._carry -= whole
        bad = sum(self.dice.random() < self.reject_share for _ in range(whole))
        self.good += whole - bad
        self.reject += bad
        return whole - bad


class Filler(Machine):
    """Fills bottles; its tank empties and is refilled, its valves differ a little."""

    name = "Filler"
    jam = "bottle broken"
    jams_per_hour = 1.5
    extra = (
        Signal(name="ProductTemperature", unit="°C", low=0, high=30, step=0.1, description="Product in the tank"),
        Signal(name="TankLevel", unit="%", low=0, high=100, step=0.1, description="Product tank"),
        Signal(name="FillPressure", unit="bar", low=0, high=6, step=0.01, description="Filling head"),
        Signal(name="FillVolumes", unit="ml", low=480, high=520, step=0.1, description="Last fill of each valve"),
    )

    def __init__(self, dice: random.Random, setpoint: float) -> None:
        super().__init__(dice, setpoint)
        self.level, self.product_c, self.refilling = 82.0, 6.0, False
        self.valves = [500 + dice.gauss(0, 0.8) for _ in range(8)]

    def heat(self, dt: float) -> None:
        self.level += ((0.45 if self.refilling else 0.0) - 0.12 * self.load) * dt
        self.refilling = self.level < 35 or (self.refilling and self.level < 92)
        goal = 4.0 if self.refilling else 8.0
        self.product_c += (goal - self.product_c) * dt / 600
        self.valves[3] += 0.0006 * self.load * dt  # one valve leaks more and more

    def own(self) -> dict[str, Reading]:
        return {
            "ProductTemperature": self.product_c + self.dice.gauss(0, 0.05),
            "TankLevel": self.level + self.dice.gauss(0, 0.08),
            "FillPressure": 2.2 + 0.004 * self.level + 0.3 * self.load + self.dice.gauss(0, 0.01),
            "FillVolumes": [volume + self.dice.gauss(0, 0.25) for volume in self.valves],
        }


class Capper(Machine):
    """Screws caps on; its main bearing is about to fail."""

    name = "Capper"
    jam = "cap jammed"
    extra = (
        Signal(name="CapTorque", unit="Nm", low=0, high=6, step=0.01, description="Closing torque"),
        Signal(name="BearingTemperature", unit="°C", low=0, high=120, step=0.1, description="Main bearing"),
        Signal(name="Vibration", unit="mm/s", low=0, high=20, step=0.01, description="Main bearing, RMS 10-1000 Hz"),
        Signal(name="CapsLevel", unit="%", low=0, high=100, step=1, description="Cap hopper"),
    )
    seizes_at = 1.1

    def __init__(self, dice: random.Random, setpoint: float) -> None:
        super().__init__(dice, setpoint)
        self.wear, self.bearing_c, self.caps = 0.05, 30.0, 75.0

    def jam_rate(self) -> float:
        return 2.0 + 60.0 * self.wear**2

    def heat(self, dt: float) -> None:
        self.wear += 5.0e-4 * (1 + 2 * self.wear) * self.load * dt
        goal = AMBIENT_C + (16 + 42 * self.wear) * self.load
        self.bearing_c += (goal - self.bearing_c) * dt / 150
        self.caps -= 0.02 * self.load * dt
        self.caps = 95.0 if self.caps < 20 else self.caps
        if self.wear >= self.seizes_at and self.state is State.EXECUTE:
            self.stop("bearing seized", 180.0, Mode.MAINTENANCE)
            self.wear = 0.02

    def own(self) -> dict[str, Reading]:
        shake = 0.1 + 1.2 * self.load**1.2 * (1 + 5 * self.wear**2)
        torque = 2.4 * (1 + 0.35 * self.wear) + self.dice.gauss(0, 0.03 + 0.12 * self.wear)
        return {
            "CapTorque": torque if self.speed > 1 else 0.0,
            "BearingTemperature": self.bearing_c + self.dice.gauss(0, 0.1),
            "Vibration": shake * (1 + self.dice.gauss(0, 0.04)),
            "CapsLevel": self.caps,
        }


class Labeller(Machine):
    """Glues labels on; stops when its roll ends."""

    name = "Labeller"
    jam = "label torn"
    jams_per_hour = 2.5
    reject_share = 0.006
    extra = (
        Signal(name="GlueTemperature", unit="°C", low=0, high=200, step=0.1, description="Hot-melt pot"),
        Signal(name="LabelOffset", unit="mm", low=-5, high=5, step=0.01, description="Place of the label"),
        Signal(name="RollLeft", unit="m", low=0, high=600, step=0.1, description="Label web on the roll"),
    )

    def __init__(self, dice: random.Random, setpoint: float) -> None:
        super().__init__(dice, setpoint)
        self.glue_c, self.heating, self.roll_m, self.offset = 150.0, True, 310.0, 0.1

    def heat(self, dt: float) -> None:
        self.heating = self.glue_c < 158.0 or (self.heating and self.glue_c < 162.0)
        self.glue_c += ((0.35 if self.heating else 0.0) - 0.0011 * (self.glue_c - AMBIENT_C)) * dt
        self.offset += (-0.02 * self.offset + self.dice.gauss(0, 0.05)) * math.sqrt(dt)
        self.roll_m -= 0.11 * self.speed / 60 * dt
        if self.roll_m <= 0 and self.state is State.EXECUTE:
            self.stop("label roll empty", 25.0)
            self.roll_m = 600.0

    def own(self) -> dict[str, Reading]:
        return {
            "GlueTemperature": self.glue_c + self.dice.gauss(0, 0.15),
            "LabelOffset": self.offset,
            "RollLeft": max(0.0, self.roll_m),
        }


class Palletiser(Machine):
    """Stacks bottles to pallets of six layers; pauses for each pallet."""

    name = "Palletiser"
    jam = "layer out of square"
    reject_share = 0.0
    per_layer, layers = 120, 6
    extra = (
        Signal(name="Layer", low=0, high=6, description="Layers on the pallet"),
        Signal(name="Pallets", description="Finished pallets since start"),
        Signal(name="HydraulicPressure", unit="bar", low=0, high=250, step=0.1, description="Lift"),
        Signal(name="OilTemperature", unit="°C", low=0, high=100, step=0.1, description="Hydraulic oil"),
    )

    def __init__(self, dice: random.Random, setpoint: float) -> None:
        super().__init__(dice, setpoint)
        self.pallets, self.oil_c = 0, 34.0

    def heat(self, dt: float) -> None:
        self.oil_c += (AMBIENT_C + 10 + 16 * self.load - self.oil_c) * dt / 400
        full = self.good // (self.per_layer * self.layers)
        if full > self.pallets:
            self.pallets = full
            self.stop("pallet change", 9.0)

    def own(self) -> dict[str, Reading]:
        layer = self.good // self.per_layer % self.layers
        return {
            "Layer": layer,
            "Pallets": self.pallets,
            "HydraulicPressure": 60 + 14 * layer + 20 * self.load + self.dice.gauss(0, 0.6),
            "OilTemperature": self.oil_c + self.dice.gauss(0, 0.06),
        }


class LineModel:
    """Four machines and the conveyors between them."""

    conveyor = 150.0
    """Bottles that fit between two machines."""

    def __init__(self, seed: int = 1) -> None:
        dice = random.Random(seed)
        self.machines: tuple[Machine, ...] = (
            Filler(dice, 200.0),
            Capper(dice, 208.0),
            Labeller(dice, 214.0),
            Palletiser(dice, 220.0),
        )
        self.waiting = [math.inf, 40.0, 40.0, 40.0]

    def step(self, dt: float) -> None:
        """Let `dt` seconds pass."""
        for place, machine in enumerate(self.machines):
            last = place + 1 == len(self.machines)
            room = math.inf if last else self.conveyor - self.waiting[place + 1]
            taken, good = machine.step(dt, self.waiting[place], room)
            self.waiting[place] -= taken
            if not last:
                self.waiting[place + 1] += good

    def signals(self) -> Iterator[tuple[str, Signal]]:
        """Every signal with its machine's name."""
        for machine in self.machines:
            for signal in machine.signals:
                yield machine.name, signal

    def readings(self) -> dict[str, Reading]:
        """Every value by `Machine.Signal`."""
        return {f"{m.name}.{name}": value for m in self.machines for name, value in m.readings().items()}

    def set_speed(self, machine: str, setpoint: float) -> None:
        """Change the speed a machine is asked for."""
        for each in self.machines:
            if each.name == machine:
                each.setpoint = min(400.0, max(0.0, setpoint))


def _quantised(value: Reading, step: float) -> Reading:
    """What a sensor of that resolution shows."""
    if not step:
        return value
    if isinstance(value, list):
        return [round(round(each / step) * step, 6) for each in value]
    return round(round(value / step) * step, 6) if isinstance(value, float) else value
