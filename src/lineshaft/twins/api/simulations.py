"""Mechanism models over HTTP: the shelf, the models of twins, FMU files, and what-if."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Query, Response, UploadFile
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from lineshaft.kernel.http import caller
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath, TimeRange
from lineshaft.security import Who
from lineshaft.twins.model.simulation import Altered, Model
from lineshaft.twins.service import Computed, Simulations
from lineshaft.twins.service.running import Series
from lineshaft.twins.service.simulations import MOST_FMU_MB
from lineshaft.twins.simulation import SHELF, Variable

Caller = Annotated[Who, Depends(caller)]


class ModelBody(BaseModel):
    """A mechanism bound to a twin; inputs are properties of the twin, whole paths with a leading '/', or numbers."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    path: PlantPath
    """The twin."""
    name: str
    """Name of the model; its results are series at `<path>/<name>/<output>`."""
    mechanism: str
    """Of the shelf, or `fmu:<digest>` as adding a file answered it."""
    inputs: dict[str, float | str] = Field(default_factory=dict)
    parameters: dict[str, float] = Field(default_factory=dict)
    compares: dict[str, str] = Field(default_factory=dict)
    """Output to the property that measures the same; makes a residual, measured less computed."""
    every_s: float = 1.0
    enabled: bool = True
    version: int = 0
    """The version you saw; 0 adds a new one."""

    @classmethod
    def of(cls, model: Model) -> ModelBody:
        return cls(**{name: getattr(model, name) for name in cls.model_fields})

    def model_of(self) -> Model:
        return Model(**{name: getattr(self, name) for name in type(self).model_fields})


class VariableOut(BaseModel):
    """A variable of a mechanism."""

    name: str
    sort: str
    unit: str
    title: dict[str, str]
    start: float | None

    @classmethod
    def of(cls, variable: Variable) -> VariableOut:
        start = variable.start if variable.start is not None and math.isfinite(variable.start) else None
        return cls(
            name=variable.name, sort=variable.sort.value, unit=variable.unit, title=dict(variable.title), start=start
        )


class MechanismOut(BaseModel):
    """A mechanism on the shelf."""

    name: str
    title: str
    summary: str
    variables: list[VariableOut]


class FmuOut(BaseModel):
    """What an added FMU is called in `mechanism`, and its variables."""

    mechanism: str
    variables: list[VariableOut]


class AlteredBody(BaseModel):
    """How a what-if differs from what was."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    values: dict[str, float] = Field(default_factory=dict)
    """Inputs held at a value."""
    factors: dict[str, float] = Field(default_factory=dict)
    offsets: dict[str, float] = Field(default_factory=dict)
    ramps: dict[str, float] = Field(default_factory=dict)
    """Inputs shifted by what grows evenly from nothing at the start to this at the end."""
    free: list[str] = Field(default_factory=list)
    """Inputs that are not known: a model that corrects itself by one predicts instead."""
    parameters: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def of(cls, altered: Altered) -> AlteredBody:
        return cls(**{name: getattr(altered, name) for name in cls.model_fields})

    def altered(self) -> Altered:
        return Altered(**{**self.model_dump(), "free": tuple(self.free)})


class WhatIf(BaseModel):
    """A model run over a span of what was, altered; nothing is written."""

    model_config = ConfigDict(extra="forbid")

    model: ModelBody
    start: datetime
    end: datetime
    step_s: float | None = Field(default=None, ge=0.01)
    altered: AlteredBody = Field(default_factory=AlteredBody)


class ComputedOut(BaseModel):
    """Columns of one length; `null` where a value is not known."""

    ts: list[datetime]
    outputs: dict[str, list[float | None]]
    residuals: dict[str, list[float | None]]
    inputs: dict[str, list[float | None]]
    measured: dict[str, list[float | None]]


def columns_of(ts_us: NDArray[np.int64], parts: Mapping[str, Series], **more: bytes) -> Response:
    """Instants and columns as they travel, `null` for what JSON has no words for; `more` is JSON already.

    Half a million instants are many: call it in a thread. Each column is a piece, so that others run in between.
    """
    ts = _piece(ts_us.view("datetime64[us]"))
    told = {part: {name: _piece(column) for name, column in columns.items()} for part, columns in parts.items()}
    known = {name: orjson.Fragment(body) for name, body in more.items()}
    return Response(orjson.dumps({**known, "ts": ts, **told}), media_type="application/json")


def _piece(column: NDArray[Any]) -> orjson.Fragment:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
    return orjson.Fragment(orjson.dumps(np.ascontiguousarray(column), option=options))


def _told(done: Computed) -> Response:
    parts = ("outputs", "residuals", "inputs", "measured")
    return columns_of(done.ts_us, {part: getattr(done, part) for part in parts})


def router(simulations: Simulations) -> APIRouter:
    """The routes of mechanism models, below /api/v1."""
    api = APIRouter(prefix="/simulation", tags=["simulation"])

    @api.get("/mechanisms")
    async def mechanisms(who: Caller) -> list[MechanismOut]:
        """What lies on the shelf."""
        return [
            MechanismOut(
                name=name,
                title=plugin.title,
                summary=str(plugin.manifest.get("summary", "")),
                variables=[VariableOut.of(v) for v in await simulations.variables(who, name)],
            )
            for name, plugin in SHELF.plugins.items()
        ]

    @api.get("/models")
    async def models(who: Caller, path: str = "") -> list[ModelBody]:
        """The models of one twin, or all you may see."""
        return [ModelBody.of(model) for model in await simulations.list_(who, path)]

    @api.get("/suggestions")
    async def suggestions(who: Caller, path: Annotated[str, Query()]) -> list[ModelBody]:
        """Models that fit the properties of a twin, bound to them; nothing is saved."""
        return [ModelBody.of(model) for model in await simulations.suggest(who, path)]

    @api.put("/models")
    async def save(who: Caller, body: ModelBody) -> ModelBody:
        """Add a model, or change the version you saw."""
        return ModelBody.of(await simulations.save(who, body.model_of()))

    @api.delete("/models", status_code=204)
    async def remove(who: Caller, path: str, name: str) -> None:
        """A twin carries a model no more; what it wrote stays."""
        await simulations.remove(who, path, name)

    @api.post("/fmus", status_code=201)
    async def add_fmu(who: Caller, path: str, file: UploadFile) -> FmuOut:
        """Keep a Functional Mock-up Unit (FMI 2 or 3) for models at and below a place."""
        name, variables = await simulations.add_fmu(who, path, await file.read((MOST_FMU_MB << 20) + 1))
        return FmuOut(mechanism=name, variables=[VariableOut.of(v) for v in variables])

    @api.post("/what-if", response_model=ComputedOut)
    async def what_if(who: Caller, body: WhatIf) -> Response:
        """Run a model over a span of what was, with altered inputs or parameters."""
        span = TimeRange(start=body.start, end=body.end)
        done = await simulations.what_if(who, body.model.model_of(), span, body.altered.altered(), step_s=body.step_s)
        return await in_thread(_told, done)

    return api
