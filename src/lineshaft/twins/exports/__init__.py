"""The shelf of exports: twins written for systems that know another model, each with a list of what is lost.

One folder is one export.

    <name>/
    ├── __init__.py     door: `export(shells, submodels) -> Exported`, a pure function
    └── manifest.toml   title, summary, tier, what it writes; read without importing

An export never drops anything silently: what its format cannot say is a `Loss` with path, what and why.
"""

from __future__ import annotations

from collections.abc import Sequence

from lineshaft.kernel.plugins import Shelf
from lineshaft.twins.metamodel.kinds import Json

from .contract import Exported, Loss, Losses

SHELF = Shelf("lineshaft.twins.exports", what="export")


def export(name: str, shells: Sequence[Json], submodels: Sequence[Json]) -> Exported:
    """The twins in one of the formats; Invalid when there is no such export."""
    exported: Exported = SHELF.get(name).load().export(shells, submodels)
    return exported


__all__ = ["SHELF", "Exported", "Loss", "Losses", "export"]
