"""Writes value-only JSON into a submodel: all of it or nothing, wherever the values belong.

    values of properties alone        hot, beside the document
    ranges, texts, files …            into the document, with all the rest of the write
    what shows a machine's value      a desire, kept in the same transaction and sent afterwards

Everything that can be known to be wrong is refused before anything is written, with the path it is wrong at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import orjson

from lineshaft.kernel.errors import Conflict, Invalid, PlatformError
from lineshaft.kernel.terms import Value
from lineshaft.security import Who
from lineshaft.twins.errors import NotSettable, Stale
from lineshaft.twins.metamodel import Dialect, paths, values
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model.desire import Stage
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Along, Repository, without_machines
from lineshaft.twins.store.bound import MARK

from .setpoints import Setpoints, Wanted

Machines: TypeAlias = dict[str, tuple[str, Value]]
"""By idShortPath: the series that an element shows, and the value that it is to have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A value in value-only form, for the element at a path or, without one, for the submodel."""

    path: str
    value: Any
    dialect: Dialect

    def target(self, submodel: Json) -> Json:
        """What it is written to."""
        return paths.find(submodel, self.path) if self.path else submodel

    def into(self, submodel: Json) -> None:
        """Write it; BadValue says where and why it does not fit."""
        target = self.target(submodel)
        new = values.written(target, self.value, self.path, self.dialect)
        target.clear()
        target.update(new)

    def lexicals(self, submodel: Json) -> dict[str, str | None] | None:
        """The same as values of properties by path; None when it touches more."""
        return values.lexicals(self.target(submodel), self.value, self.path, self.dialect)


class ElementValues:
    """Values of elements of submodels, some of which machines have."""

    def __init__(self, repository: Repository, setpoints: Setpoints | None = None) -> None:
        """Without `setpoints` no machine is reached from here."""
        self._repository = repository
        self._setpoints = setpoints

    async def write(self, who: Who, id_: str, written: Written, *, if_match: str = "", within_s: float = 0.0) -> Stage:
        """Write a value; how far machines are with their part of it after a time."""
        found = await self._repository.get(who, Kind.SUBMODEL, id_)
        submodel: Json = orjson.loads(found.body)
        hot = written.lexicals(submodel)
        machines = without_machines(submodel, written.into) if MARK in found.body else {}
        own = None if hot is None else {path: value for path, value in hot.items() if path not in machines}
        if not machines:
            await self._keep(who, id_, written, machines, own, if_match)
            return Stage.ACKNOWLEDGED
        setpoints, wanted = await self._prepared(who, machines)
        await self._keep(who, id_, written, machines, own, if_match, partial(setpoints.keep, who=who, wanted=wanted))
        try:
            return await setpoints.told(wanted, within_s=within_s)
        except NotSettable as error:
            if own != {}:
                error.hint = f"The values that no machine shows were written. {error.hint}"
            raise

    async def _keep(
        self,
        who: Who,
        id_: str,
        written: Written,
        machines: Machines,
        own: Mapping[str, str | None] | None,
        if_match: str,
        along: Along | None = None,
    ) -> None:
        """Write what no machine shows, and with it whatever goes along, in one transaction."""
        if own and not if_match:
            await self._repository.write_values(who, id_, own, along=along)
            return

        def edit(submodel: Json) -> Json:
            if without_machines(submodel, written.into) != machines:
                raise Stale("Somebody changed meanwhile what elements of the submodel show.", hint="Write it again.")
            return submodel

        await self._repository.change(who, Kind.SUBMODEL, id_, edit, if_match=if_match, along=along)

    async def _prepared(self, who: Who, machines: Machines) -> tuple[Setpoints, tuple[Wanted, ...]]:
        if self._setpoints is None:
            raise Conflict(f"{next(iter(machines))!r} shows a machine's value, and no machine is reached from here.")
        wanted: dict[str, tuple[str, Wanted]] = {}
        for path, (series, value) in machines.items():
            with _about(path):
                one = await self._setpoints.prepare(who, series, value)
            first, same = wanted.setdefault(series, (path, one))
            if one != same:
                raise Invalid(f"{path!r} shows the same as {first!r}, and is to have another value.")
        return self._setpoints, tuple(one for _, one in wanted.values())


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Let a refusal inside name the element it is about."""
    try:
        yield
    except PlatformError as error:
        error.message = f"{path}: {error.message}"
        raise
