"""A passport is derived, never kept: the metadata of 02099-1 and one member per content specification.

    { "digitalProductPassportId": …, …, "contentSpecificationIds": [id, …],     value-only form of the metadata
      id: … }                                                                    `$value` of that submodel

The member of a submodel is named by its content specification id, its semantic id (IDTA 02099-1, clause on mapping
to EN 18223). An authority sees exactly `$value`; others see the same with elements left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lineshaft.twins.metamodel.forms import value
from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.metamodel.references import semantic, semantics
from lineshaft.twins.submodels.building import new
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.tables import template

from .access import Tier, shown

SCHEMA_VERSION = "EN18223:2026"
_GRANULARITY = {"Instance": "Item", "Type": "Model"}
_CONTENTS = "contentSpecificationIds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """What a passport says of itself."""

    id: str
    product: str
    operator: str
    updated: datetime
    status: str = "Active"
    granularity: str = "Item"
    facility: str = ""


def metadata_submodel(id_: str, passport: Passport, contents: Iterable[Json]) -> Json:
    """The metadata submodel of a passport that holds these submodels."""
    values: dict[str, Any] = {
        "digitalProductPassportId": passport.id,
        "uniqueProductIdentifier": passport.product,
        "granularity": passport.granularity,
        "dppSchemaVersion": SCHEMA_VERSION,
        "dppStatus": passport.status,
        "lastUpdate": passport.updated.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "economicOperatorId": passport.operator,
    }
    values |= {"facilityId": passport.facility} if passport.facility else {}
    values |= {f"{_CONTENTS}[{i}]": _specification(one) for i, one in enumerate(contents)}
    return new(template("passport"), id_, values=values)


def granularity_of(shell: Json) -> str:
    """Item for an instance, Model for a type; BadSubmodel for kinds EN 18223 has no word for."""
    kind = (shell.get("assetInformation") or {}).get("assetKind")
    if kind not in _GRANULARITY:
        raise BadSubmodel(f"An asset of kind {kind} has no passport.", hint="Instances and types have one.")
    return _GRANULARITY[kind]


def passport_of(metadata: Json, submodels: Iterable[Json], tier: Tier = Tier.PUBLIC) -> Json:
    """The passport as this tier sees it; BadSubmodel when a content it promises is not among the submodels."""
    made: Json = dict(value(metadata))
    promised = [str(one) for one in made.get(_CONTENTS, ())]
    by_id = _by_specification(submodels)
    if lacking := [one for one in promised if one not in by_id]:
        raise BadSubmodel(
            f"The passport promises {lacking[0]!r}, and no submodel of the product has that semantic id.",
            hint="Add the submodel, or take the id out of contentSpecificationIds.",
        )
    seen = {id_: found for id_ in promised if (found := shown(by_id[id_], tier)) is not None}
    if _CONTENTS in made:
        made[_CONTENTS] = list(seen)
    return made | {id_: value(found) for id_, found in seen.items()}


def product_of(metadata: Json) -> str:
    """The identifier of the product, for its code."""
    means = "https://admin-shell.io/idta/cds/uniqueProductIdentifier/1"
    return next((str(one.get("value") or "") for one in children(metadata) if means in semantics(one)), "")


def _specification(submodel: Json) -> str:
    found = semantic(submodel.get("semanticId"))
    if not found:
        raise BadSubmodel(f"The submodel {submodel.get('id')!r} has no semantic id to be named by in a passport.")
    return found


def _by_specification(submodels: Iterable[Json]) -> Mapping[str, Json]:
    return {id_: one for one in submodels if (id_ := semantic(one.get("semanticId")))}
