"""Finds what lies on the open shelves: folders of ours and entry points of other packages.

A shelf is found, never listed. A plug-in is imported only when something names it; what people
see before that (title, summary, tier) is read from its `manifest.toml`.
"""

from __future__ import annotations

import importlib
import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any

from .errors import Invalid
from .terms import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plug-in on a shelf, not yet imported."""

    name: str
    module: str
    manifest: dict[str, Any]

    @property
    def title(self) -> str:
        return str(self.manifest.get("title", self.name))

    @property
    def tier(self) -> str:
        return str(self.manifest.get("tier", "experimental"))

    def load(self) -> Any:
        """Import the plug-in and return its module."""
        try:
            return importlib.import_module(self.module)
        except ImportError as error:
            extra = self.manifest.get("extra")
            raise Invalid(
                f"The plug-in {self.name!r} cannot be loaded: {error}.",
                hint=f"Install it with: pip install 'lineshaft[{extra}]'." if extra else "Reinstall the package.",
            ) from error

    def read(self, file: str) -> str:
        """The text of one of its files, such as `sample.toml` or `README.md`."""
        return (_folder(self.module) / file).read_text(encoding="utf-8")

    def has(self, file: str) -> bool:
        return (_folder(self.module) / file).is_file()


class Shelf:
    """All plug-ins of one kind: the folders of a package and an entry-point group of the same name."""

    def __init__(self, package: str, *, what: str) -> None:
        self.package = package
        self.what = what

    @cached_property
    def plugins(self) -> dict[str, Plugin]:
        """Every plug-in by name, sorted."""
        found = {name: self._plugin(name, f"{self.package}.{name}") for name in self._folders()}
        for entry in metadata.entry_points(group=self.package):
            found.setdefault(entry.name, self._plugin(entry.name, entry.value))
        return dict(sorted(found.items()))

    def get(self, name: str) -> Plugin:
        """The plug-in, or Invalid with the nearest name."""
        if name in self.plugins:
            return self.plugins[name]
        near = nearest(name, self.plugins)
        raise Invalid(
            f"There is no {self.what} called {name!r}.",
            hint=f"Did you mean {near!r}?" if near else f"There are: {', '.join(self.plugins)}.",
        )

    def _folders(self) -> list[str]:
        root = resources.files(self.package)
        return [e.name for e in root.iterdir() if e.is_dir() and (e / "manifest.toml").is_file()]

    def _plugin(self, name: str, module: str) -> Plugin:
        manifest = _folder(module) / "manifest.toml"
        return Plugin(name=name, module=module, manifest=tomllib.loads(manifest.read_text(encoding="utf-8")))


def _folder(module: str) -> Traversable:
    parent, _, leaf = module.rpartition(".")
    return resources.files(parent) / leaf if parent else resources.files(module)
