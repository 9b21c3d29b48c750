"""Functional Mock-up Units of FMI 2 and 3 as mechanisms, through fmpy.

An FMU is a stranger's machine code. Its description is read here, its code runs in a process of its own
that may take so much memory and time and no more, and that takes nothing down when it crashes. However a run ends,
the process, those it started and the folder it was given end with it.

An FMU begins anew at the first instant of each run: `memory_s` says how much earlier that should be.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.errors import Invalid, Timeout, Unavailable

from .mechanism import Columns, Run, Sort, State, Variable

_CAUSALITY = {"input": Sort.INPUT, "parameter": Sort.PARAMETER, "output": Sort.OUTPUT}
_NUMBERS = {"Real", "Float64", "Float32", "Integer", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32"}
_MOST_BYTES = 512 << 20
_MOST_PARTS = 5_000
MEMORY_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the process of an FMU may take."""

    seconds: float = 30.0
    memory_mb: int = 2_048


class Fmu:
    """One FMU file as a mechanism."""

    def __init__(self, file: Path, *, limits: Limits | None = None, memory_s: float = MEMORY_S) -> None:
        """Read its description; Invalid says why a file is none that can run here."""
        self._file = file.absolute()
        self._limits = limits or Limits()
        self.memory_s = memory_s
        self.description = describe(file)
        self.variables = _variables(self.description)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._turn = threading.Lock()

    def stop(self) -> None:
        """End the run that goes on in another thread, and begin no further one."""
        with self._turn:
            self._stopped = True
            if self._process is not None and self._process.returncode is None:
                _end(self._process)

    def run(self, t: NDArray[np.float64], inputs: Columns, parameters: Mapping[str, float], state: State | None) -> Run:
        """Simulate from the first to the last instant; outputs are those at the instants."""
        if len(t) < 2:
            return Run(outputs={v.name: np.full(len(t), np.nan) for v in self.variables if v.sort is Sort.OUTPUT})
        question = io.BytesIO()
        columns: dict[str, Any] = {f"in:{name}": np.nan_to_num(column) for name, column in inputs.items()}
        columns |= {f"set:{name}": np.array(value) for name, value in parameters.items()}
        np.savez(question, t=t, **columns)
        with np.load(io.BytesIO(self._ask(question.getvalue()))) as answer:
            outputs = {name: answer[name].astype(np.float64) for name in answer.files}
        blind = np.any([np.isnan(column) for column in inputs.values()], axis=0) if inputs else np.zeros(len(t), bool)
        return Run(outputs={name: np.where(blind, np.nan, column) for name, column in outputs.items()})

    def _ask(self, question: bytes) -> bytes:
        with TemporaryDirectory(prefix="lineshaft-fmu-", ignore_cleanup_errors=True) as folder:
            process = self._begin(folder)
            try:
                answer, said = process.communicate(question, timeout=self._limits.seconds)
            except subprocess.TimeoutExpired as error:
                raise Timeout(
                    f"The FMU {self._file.name} did not come to an end within {self._limits.seconds:g} s.",
                    hint="Simulate a shorter span, or with longer steps.",
                ) from error
            finally:
                self._finish(process)
        self._check_running()
        if process.returncode:
            why = said.decode(errors="replace").strip().splitlines()
            raise Invalid(
                f"The FMU {self._file.name} failed: {why[-1][:300] if why else f'signal {-process.returncode}'}.",
                hint="Look at its inputs and parameters.",
            )
        return answer

    def _begin(self, folder: str) -> subprocess.Popen[bytes]:
        """Start the process in a folder of its own, and at the head of a group of its own."""
        command = [sys.executable, "-m", f"{__package__}.fmu_process", str(self._file), str(self._limits.memory_mb)]
        command += [",".join(v.name for v in self.variables if v.sort is Sort.OUTPUT)]
        pipe = subprocess.PIPE
        with self._turn:
            self._check_running()
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, cwd=folder,
                env={**os.environ, "TMPDIR": folder},
            )  # fmt: skip
            return self._process

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        with self._turn:
            self._process = None
            if process.returncode is not None:
                return
            _end(process)
        process.communicate()

    def _check_running(self) -> None:
        if self._stopped:
            raise Unavailable(f"The run of the FMU {self._file.name} was given up.", hint="Start it again.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was not waited for yet, with those it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def describe(file: Path) -> Any:
    """The model description of an FMU that can run here; Invalid with the reason otherwise."""
    try:
        from fmpy import platform, platform_tuple, read_model_description, supported_platforms
    except ImportError as error:
        raise Invalid("FMUs need the package fmpy.", hint="pip install 'lineshaft[simulation]'") from error
    _check_package(file)
    try:
        description = read_model_description(str(file), validate=False)
        places = supported_platforms(str(file))
    except Exception as error:  # a stranger's XML: whatever it breaks, it is not an FMU for us
        raise Invalid(f"{file.name} is not an FMU: {error}.", hint="It needs a valid modelDescription.xml.") from error
    if not description.fmiVersion.startswith(("2.", "3.")):
        raise Invalid(f"{file.name} is of FMI {description.fmiVersion}.", hint="FMI 2 and FMI 3 can be used.")
    if not {platform, platform_tuple} & set(places):
        raise Invalid(
            f"{file.name} has code for {', '.join(places) or 'no platform'}, not for {platform_tuple}.",
            hint="Export it once more for this platform.",
        )
    if description.coSimulation is None and description.modelExchange is None:
        raise Invalid(f"{file.name} offers neither co-simulation nor model exchange.", hint="Export it as one of them.")
    return description


def _check_package(file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as package:
            parts = package.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise Invalid(f"{file.name} is not an FMU: {error}.", hint="An FMU is a zip file.") from error
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_BYTES:
        raise Invalid(f"{file.name} is larger than an FMU may be ({_MOST_BYTES >> 20} MB unpacked).")
    for part in parts:
        if part.filename.startswith(("/", "\\")) or ".." in Path(part.filename).parts or ":" in part.filename:
            raise Invalid(f"{file.name} holds the part {part.filename!r}, which points outside of it.")


def _variables(description: Any) -> tuple[Variable, ...]:
    found = []
    for variable in description.modelVariables:
        sort = _CAUSALITY.get(variable.causality)
        fixed = sort is Sort.PARAMETER and variable.variability not in ("fixed", "tunable")
        if sort is None or fixed or variable.type not in _NUMBERS or variable.dimensions:
            continue
        start = float(variable.start) if variable.start not in (None, "") else None
        title = {"en": variable.description} if variable.description else {}
        found.append(Variable(name=variable.name, sort=sort, unit=variable.unit or "", title=title, start=start))
    return tuple(found)
