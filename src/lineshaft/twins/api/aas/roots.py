"""Where the same operations stand: a shell or a submodel in its repository, in a shell, or alone.

/shells/{aasId}                                  one of many shells
/submodels/{smId}                                one of many submodels
/shells/{aasId}/submodels/{smId}                 the "super path": only submodels the shell refers to
/one/{id}/aas, /one/{id}/submodel                the stand-alone services of one shell, one submodel
/one/{id}/aas/submodels/{smId}
"""

from __future__ import annotations

from dataclasses import dataclass

from lineshaft.kernel.errors import NotFound
from lineshaft.twins.metamodel import references
from lineshaft.twins.model.repository import Kind

from .call import Call
from .documents import content


@dataclass(frozen=True, slots=True)
class ShellRoot:
    """An address under which a shell stands."""

    address: str
    name: str

    def id(self, call: Call) -> str:
        """The shell's id."""
        return call.id(self.name)

    def location(self, call: Call) -> str:
        """This address as the request has it."""
        return _filled(call, self.address)


@dataclass(frozen=True, slots=True)
class SubmodelRoot:
    """An address under which a submodel stands; `shell` when only submodels of that shell do."""

    address: str
    name: str
    shell: ShellRoot | None = None

    async def id(self, call: Call) -> str:
        """The submodel's id; NotFound when it is not one of the shell's."""
        wanted = call.id(self.name)
        if self.shell is not None:
            found = await call.services.repository.get(call.who, Kind.SHELL, self.shell.id(call))
            if wanted not in references.submodel_ids(content(found)):
                raise NotFound(f"The shell refers to no submodel {wanted[:200]!r}.", hint="See `submodel-refs`.")
        return wanted

    def location(self, call: Call) -> str:
        """This address as the request has it."""
        return _filled(call, self.address)


def _filled(call: Call, address: str) -> str:
    for name, text in call.names.items():
        address = address.replace(f"{{{name}}}", text)
    return call.mount + address


REPOSITORY_SHELL = ShellRoot("/shells/{aasId}", "aasId")
ALONE_SHELL = ShellRoot("/one/{id}/aas", "id")
SHELL_ROOTS = (REPOSITORY_SHELL, ALONE_SHELL)
SUBMODEL_ROOTS = (
    SubmodelRoot("/submodels/{smId}", "smId"),
    SubmodelRoot("/shells/{aasId}/submodels/{smId}", "smId", REPOSITORY_SHELL),
    SubmodelRoot("/one/{id}/aas/submodels/{smId}", "smId", ALONE_SHELL),
    SubmodelRoot("/one/{id}/submodel", "id"),
)
