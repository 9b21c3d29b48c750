"""The library of asset types that comes with the platform, read once from `templates/*.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import msgspec

from lineshaft.twins.model import AssetType, check_type


@cache
def library() -> Mapping[str, AssetType]:
    """Types by name; the file name is the type's name."""
    folder = resources.files("lineshaft.twins") / "templates"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return MappingProxyType({f.name[:-5]: _read(f.name[:-5], f.read_text(encoding="utf-8")) for f in files})


def _read(name: str, text: str) -> AssetType:
    told = {**tomllib.loads(text), "name": name, "library": True}
    return check_type(msgspec.convert(told, AssetType))
