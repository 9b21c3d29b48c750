"""Which mechanism a twin carries, what it reads and what it writes.

The inputs of a mechanism come from properties of the twin (`level`), from anywhere in the plant
(`/acme/hall/room/temperature`) or are constants (22.0). Its outputs become series below the twin:

    <twin>/<name>/<output>            what the mechanism computes: a virtual sensor
    <twin>/<name>/<output>-residual   measured less computed, where `compares` names what is measured

When the twin is moved its model goes with it, and what the model reads and writes stays where it is, as all series do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadTwin

from .types import check_name

FMU = "fmu:"
"""Before the digest of an FMU's file where others have the name of a mechanism on the shelf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A mechanism bound to a twin."""

    path: PlantPath
    name: str
    mechanism: str
    inputs: dict[str, str | float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    compares: dict[str, str] = field(default_factory=dict)
    """Output to the property that measures the same."""
    every_s: float = 1.0
    """Distance of the instants; inputs hold in between."""
    enabled: bool = True
    version: int = 0
    writes: str = ""
    """Below which path its series stand, when that is not the twin: where the twin stood when it began."""

    @property
    def file(self) -> str:
        """The digest of its FMU; '' for a mechanism of the shelf."""
        return self.mechanism.removeprefix(FMU) if self.mechanism.startswith(FMU) else ""

    def series_of(self, output: str) -> PlantPath:
        """Where an output is written."""
        return PlantPath(self.writes or self.path).child(self.name, output)

    def residual_of(self, output: str) -> PlantPath:
        """Where measured less computed is written."""
        return self.series_of(f"{output}-residual")

    def source_of(self, told: str) -> PlantPath:
        """The path an input or a comparison names: of the twin, or of the whole plant with a leading '/'."""
        return PlantPath.parse(told[1:] if told.startswith("/") else f"{self.path}/{told}")

    def moved(self, path: PlantPath) -> Model:
        """The model of its twin at another path, reading and writing the same series as before."""
        home = self.writes or str(self.path)

        def told(source: str) -> str:
            return told_at(path, self.source_of(source))

        return replace(
            self,
            path=path,
            writes="" if home == path else home,
            inputs={name: told(one) if isinstance(one, str) else one for name, one in self.inputs.items()},
            compares={name: told(one) for name, one in self.compares.items()},
        )

    @property
    def sources(self) -> list[PlantPath]:
        """Every series the model reads or compares with."""
        told = [source for source in (*self.inputs.values(), *self.compares.values()) if isinstance(source, str)]
        return list(dict.fromkeys(self.source_of(one) for one in told))

    @property
    def corrections(self) -> tuple[str, ...]:
        """Inputs that read what an output is compared with: the model corrects itself by them.

        A what-if lets go of them, or the model would follow what was measured instead of what was altered.
        """
        measured = set(self.compares.values())
        return tuple(name for name, told in self.inputs.items() if told in measured)


def told_at(path: PlantPath, series: PlantPath) -> str:
    """How a model of a twin names a series: short below the twin, and whole with a leading '/' anywhere else."""
    below = series.within(path) and series != path
    return series[len(path) + 1 :] if below else f"/{series}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """How a what-if differs from what was, input by input and in parameters."""

    values: dict[str, float] = field(default_factory=dict)
    """Held at a value."""
    factors: dict[str, float] = field(default_factory=dict)
    offsets: dict[str, float] = field(default_factory=dict)
    ramps: dict[str, float] = field(default_factory=dict)
    """Shifted by what grows evenly from nothing at the start of the span to this at its end."""
    free: tuple[str, ...] = ()
    """Not known: a model that corrects itself by it predicts from there on."""
    parameters: dict[str, float] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, None]:
        """The inputs that are altered, in a fixed order."""
        return dict.fromkeys((*self.values, *self.factors, *self.offsets, *self.ramps, *self.free))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What was asked of a model: a span of what was, altered; with a name and an id once it is kept."""

    model: Model
    start_us: int
    end_us: int
    step_s: float
    altered: Altered = field(default_factory=Altered)
    id: str = ""
    name: str = ""
    by: str = ""
    at_us: int = 0
    """When it was run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The last time a model could not run beside its machine; `over_us` is 0 while it still cannot."""

    message: str
    since_us: int
    over_us: int = 0


def check_model(model: Model) -> Model:
    """The model itself, or BadTwin saying what is wrong with its names and its pace."""
    check_name(model.name, "The model name")
    PlantPath.parse(model.path)
    for told in (*model.inputs.values(), *model.compares.values()):
        if isinstance(told, str):
            model.source_of(told)
    if not 0.1 <= model.every_s <= 3600:
        raise BadTwin(f"The model {model.name!r} computes every {model.every_s:g} s.", hint="Choose 0.1 s to 1 h.")
    return model
