"""Connects a twin to its machine by the interfaces its submodel describes (IDTA 02017): connections, and operations.

offer      what would be made, and what is left out for which reason; nothing is done
connect    the connections in the edge, and a submodel of the twin with an Operation for each action
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import orjson

from lineshaft.edge import Edge
from lineshaft.kernel.errors import Conflict, Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Who
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import made_for
from lineshaft.twins.submodels.interfaces import Described, LeftOut, connections_of, operations_of

from .repository import Repository

PART = "MachineOperations"
"""idShort of the submodel that holds the operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the interfaces of a twin come to."""

    path: PlantPath
    """The place below which the connections put their values."""
    connections: tuple[Described, ...]
    operations: tuple[Json, ...]
    left_out: tuple[LeftOut, ...]
    """Everything that is left out, of all interfaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What was made."""

    connections: tuple[str, ...]
    operations: str
    """The submodel that holds the operations; empty without any."""
    left_out: tuple[LeftOut, ...]


class Interfacing:
    """Turns described interfaces of twins into connections of the edge. Who connects is engineer at the place."""

    def __init__(self, repository: Repository, edge: Edge) -> None:
        self._repository = repository
        self._edge = edge

    async def offer(self, who: Who, shell: str, submodel: str, *, path: str = "") -> Offer:
        """What connecting would make; `path` is where values go, by default the place of the twin."""
        twin = await self._repository.get(who, Kind.SHELL, shell)
        if submodel not in submodel_ids(orjson.loads(twin.body)):
            raise NoDocument(f"The twin {shell!r} has no submodel {submodel!r}.")
        content: Json = orjson.loads((await self._repository.get(who, Kind.SUBMODEL, submodel)).body)
        root = PlantPath.parse(path or str(twin.place))
        found, left = connections_of(content, path=str(root), name=root.name)
        if not found and not left:
            raise Invalid(f"{content.get('idShort')} describes no interface.", hint="It wants EndpointMetadata.")
        left += [one for described in found for one in described.left_out]
        made = [one for described in found for one in operations_of(described.doings, str(root))]
        return Offer(path=root, connections=tuple(found), operations=tuple(_named(made)), left_out=tuple(left))

    async def connect(self, who: Who, shell: str, submodel: str, *, path: str = "") -> Connected:
        """Make the connections and the operations: all of it, or nothing when one of them is refused."""
        offer = await self.offer(who, shell, submodel, path=path)
        if not offer.connections:
            reasons = " ".join(one.reason for one in offer.left_out)
            raise Invalid(f"No interface can be connected: {reasons}")
        for one in offer.connections:
            self._edge.built(one.connector, one.settings)
        part = made_for(shell, f"{PART}/{submodel}")
        await self._check_new(who, shell, part)
        async with AsyncExitStack() as back:
            for one in offer.connections:
                saved = await self._edge.save(who, one.connector, one.settings, expected=0)
                back.push_async_callback(self._edge.remove, who, saved.name)
            if offer.operations:
                await self._repository.carry(who, shell, _submodel(part, offer.operations))
            back.pop_all()
        names = tuple(str(one.settings["name"]) for one in offer.connections)
        return Connected(connections=names, operations=part if offer.operations else "", left_out=offer.left_out)

    async def _check_new(self, who: Who, shell: str, part: str) -> None:
        """The operations are made once; who wants them anew takes the old ones away."""
        twin = await self._repository.get(who, Kind.SHELL, shell)
        if part in submodel_ids(orjson.loads(twin.body)):
            raise Conflict(
                f"The twin is connected already: it has the submodel {PART}.",
                hint="Take that submodel away and remove its connections first.",
            )


def _named(operations: Sequence[Json]) -> list[Json]:
    """Operations of several interfaces side by side: of one name, the later ones are numbered."""
    seen: dict[str, int] = {}
    for one in operations:
        name = str(one["idShort"])
        seen[name] = seen.get(name, 0) + 1
        one["idShort"] = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return list(operations)


def _submodel(id_: str, operations: Sequence[Json]) -> Json:
    return {"modelType": "Submodel", "id": id_, "idShort": PART, "submodelElements": list(operations)}
