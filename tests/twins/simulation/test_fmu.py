"""Functional Mock-up Units, built here and run for real."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lineshaft.kernel.errors import Invalid, Timeout
from lineshaft.twins.simulation import Sort, run
from lineshaft.twins.simulation.fmu import Fmu, Limits

SOURCES = {
    2: """
import math, os, subprocess
from pythonfmu import Fmi2Causality, Fmi2Slave, Fmi2Variability, Real
class Lag(Fmi2Slave):
    def __init__(self, **told):
        super().__init__(**told)
        self.u = self.y = 0.0
        self.tau = 10.0
        self.register_variable(Real("u", causality=Fmi2Causality.input))
        self.register_variable(Real("tau", causality=Fmi2Causality.parameter, variability=Fmi2Variability.tunable))
        self.register_variable(Real("y", causality=Fmi2Causality.output))
    def do_step(self, t, dt):
        if self.tau < 0: subprocess.run(["sleep", "60"])
        if self.tau > 1e6: os.abort()
        self.y += (self.u - self.y) * (1 - math.exp(-dt / self.tau))
        return True
""",
    3: """
import math
from pythonfmu3 import Fmi3Causality, Fmi3Slave, Fmi3Variability, Float64
class Lag(Fmi3Slave):
    def __init__(self, **told):
        super().__init__(**told)
        self.u = self.y = self.time = 0.0
        self.tau = 10.0
        spread = Fmi3Variability.continuous
        self.register_variable(Float64("time", causality=Fmi3Causality.independent, variability=spread))
        self.register_variable(Float64("u", causality=Fmi3Causality.input))
        self.register_variable(Float64("tau", causality=Fmi3Causality.parameter, variability=Fmi3Variability.tunable))
        self.register_variable(Float64("y", causality=Fmi3Causality.output))
    def do_step(self, t, dt):
        self.y += (self.u - self.y) * (1 - math.exp(-dt / self.tau))
        return True
""",
}
T = np.arange(0.0, 60.0, 0.5)


@pytest.fixture(scope="module", params=[2, 3])
def lag(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first-order lag as an FMU of FMI 2 or 3."""
    return build(request.param, tmp_path_factory.mktemp("fmu"))


def build(version: int, folder: Path) -> Path:
    source = folder / "lag.py"
    source.write_text(SOURCES[version])
    tool = "pythonfmu" if version == 2 else "pythonfmu3"
    subprocess.run([sys.executable, "-m", tool, "build", "-f", source, "-d", folder], check=True, capture_output=True)
    return next(folder.glob("*.fmu"))


def test_an_fmu_says_its_variables_and_computes(lag: Path) -> None:
    unit = Fmu(lag)
    assert {(v.name, v.sort) for v in unit.variables} == {
        ("u", Sort.INPUT),
        ("tau", Sort.PARAMETER),
        ("y", Sort.OUTPUT),
    }
    found = run(unit, T, {"u": np.ones(len(T))}, {"tau": 5.0}).outputs["y"]
    assert found == pytest.approx(1 - np.exp(-T / 5), abs=2e-3)


def test_where_an_input_is_missing_so_is_the_output(lag: Path) -> None:
    u = np.ones(len(T))
    u[40:50] = np.nan
    found = run(Fmu(lag), T, {"u": u}).outputs["y"]
    assert np.isnan(found[40:50]).all()
    assert np.isfinite(np.delete(found, range(40, 50))).all()


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(2, tmp_path_factory.mktemp("wild"))


def test_an_fmu_that_crashes_takes_nothing_down(wild: Path) -> None:
    with pytest.raises(Invalid, match=r"lag\.fmu failed|Lag\.fmu failed"):
        run(Fmu(wild), T, {"u": np.ones(len(T))}, {"tau": 1e7})


def test_an_fmu_that_does_not_end_is_ended(wild: Path) -> None:
    with pytest.raises(Timeout, match="did not come to an end within 8 s"):
        run(Fmu(wild, limits=Limits(seconds=8)), T, {"u": np.ones(len(T))}, {"tau": -1.0})


def test_what_is_no_fmu_is_refused_with_the_reason(tmp_path: Path, wild: Path) -> None:
    text = tmp_path / "text.fmu"
    text.write_text("hello")
    with pytest.raises(Invalid, match="not an FMU"):
        Fmu(text)
    outside = tmp_path / "outside.fmu"
    with zipfile.ZipFile(outside, "w") as package:
        package.writestr("../evil.so", b"x")
    with pytest.raises(Invalid, match="points outside of it"):
        Fmu(outside)
    elsewhere = tmp_path / "elsewhere.fmu"
    with zipfile.ZipFile(wild) as old, zipfile.ZipFile(elsewhere, "w") as new:
        for part in old.infolist():
            if not part.filename.startswith("binaries/"):
                new.writestr(part, old.read(part))
        new.writestr("binaries/win64/lag.dll", b"MZ")
    with pytest.raises(Invalid, match="has code for win64, not for"):
        Fmu(elsewhere)
