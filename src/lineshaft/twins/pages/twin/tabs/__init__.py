"""The shelf of tabs: every module in this folder registers one with `tab`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

for found in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{found.name}")
