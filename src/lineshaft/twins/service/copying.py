"""Makes an instance of a type that came as a shell of its own, such as a vendor's AASX of kind Type."""

from __future__ import annotations

from uuid import uuid4

import orjson

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Who
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model.merging import without_live
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import id_short
from lineshaft.twins.submodels import new_shell

from .repository import Repository


async def make_instance(
    repository: Repository, who: Who, type_: str, *, name: str, asset: str, place: PlantPath
) -> str:
    """A shell derived from that of a type, with submodels of its own like the type's; returns its id.

    Shell and submodels are written in one transaction. Files of the type stay with it.
    """
    content: Json = orjson.loads((await repository.get(who, Kind.SHELL, type_)).body)
    if content.get("assetInformation", {}).get("assetKind") != "Type":
        raise Invalid(f"{type_[:200]!r} is not the shell of a type.", hint="Choose one whose asset kind is Type.")
    submodels = [_copy(one) for one in await _carried(repository, who, content)]
    made = new_shell(f"urn:uuid:{uuid4()}", asset, derived_from=type_, submodels=submodels)
    made |= {"idShort": id_short(name), "displayName": [{"language": "en", "text": name}]}
    taken = await repository.take_in(
        who, {"assetAdministrationShells": [made], "submodels": submodels}, place=place
    )  # fmt: skip
    if taken.refused:
        raise Invalid(taken.refused[0], hint="Nothing else of it was left out.")
    return str(made["id"])


def _copy(submodel: Json) -> Json:
    return without_live(submodel) | {"id": f"urn:uuid:{uuid4()}", "kind": "Instance"}


async def _carried(repository: Repository, who: Who, shell: Json) -> list[Json]:
    found: list[Json] = []
    for id_ in submodel_ids(shell):
        try:
            found.append(orjson.loads((await repository.get(who, Kind.SUBMODEL, id_)).body))
        except NoDocument:
            continue
    return found
