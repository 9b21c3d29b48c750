"""`/description`: the profiles a mount serves, and no other (IDTA-01002 3.1, clause 'Service specifications')."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .call import Answer, Call, told
from .tree import Route

_PREFIX = "https://admin-shell.io/aas/API/3"
_REPOSITORIES = {
    "AssetAdministrationShellRepositoryServiceSpecification": (1, 2),
    "SubmodelRepositoryServiceSpecification": (1, 2),
    "AssetAdministrationShellRegistryServiceSpecification": (1, 2),
    "SubmodelRegistryServiceSpecification": (1, 2),
    "DiscoveryServiceSpecification": (1,),
    "AasxFileServerServiceSpecification": (1,),
}
_ALONE = {
    "AssetAdministrationShellServiceSpecification": (1, 2),
    "SubmodelServiceSpecification": (1, 2, 3),
}
PROFILES = {
    "3.0": _REPOSITORIES | {"ConceptDescriptionServiceSpecification": (1,)},
    "3.1": {
        "AssetAdministrationShellRepositoryServiceSpecification": (1, 2, 3),
        "SubmodelRepositoryServiceSpecification": (1, 2, 5),
        "ConceptDescriptionRepositoryServiceSpecification": (1, 2),
        "AssetAdministrationShellRegistryServiceSpecification": (1, 2, 3, 4, 5),
        "SubmodelRegistryServiceSpecification": (1, 2, 3, 4),
        "DiscoveryServiceSpecification": (1, 2),
        "AasxFileServerServiceSpecification": (1,),
    },
}
"""Profiles of templates only are not among them: instances are served too."""


def routes() -> Iterator[Route]:
    """The description of a mount, and that of a stand-alone service."""
    yield Route("GET", "/description", partial(describe, False), "the profiles served here")
    yield Route("GET", "/one/{id}/description", partial(describe, True), "the profiles served here")


async def describe(alone: bool, call: Call) -> Answer:
    """The profiles."""
    return told({"profiles": profiles(call.dialect.version, alone=alone)})


def profiles(version: str, *, alone: bool = False) -> list[str]:
    """The identifiers of the profiles of a version."""
    served = _ALONE if alone else PROFILES[version]
    minor = version.rpartition(".")[2]
    return [f"{_PREFIX}/{minor}/{name}/SSP-{number:03}" for name, numbers in served.items() for number in numbers]
