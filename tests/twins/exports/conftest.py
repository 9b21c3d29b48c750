"""Twins to export: one of every kind, and a machine with values worth looking at."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lineshaft.twins import files

BESIDE = Path(__file__).parents[3].parent / "shared" / "data"
DATA = Path(os.environ.get("LINESHAFT_DATA", BESIDE)) / "idta"
TEMPLATES = sorted(DATA.glob("*.json"))
ALL_KINDS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "aas" / "environment.json").read_text())
SHELLS: list[dict[str, Any]] = ALL_KINDS["assetAdministrationShells"]
SUBMODELS: list[dict[str, Any]] = ALL_KINDS["submodels"]


@pytest.fixture(params=TEMPLATES or [None], ids=lambda path: path.stem if path else "none")
def template(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The environment of each published template file in turn."""
    if request.param is None:
        pytest.skip("The published templates are not at hand: set LINESHAFT_DATA to the folder that holds idta/.")
    return files.read(request.param).environment


def prop(name: str, value: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"modelType": "Property", "idShort": name, "valueType": type_, "value": value, **more}


def submodel(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"modelType": "Submodel", "id": "urn:sm", "idShort": "Data", "submodelElements": list(elements), **more}


def collection(name: str, *elements: dict[str, Any]) -> dict[str, Any]:
    return {"modelType": "SubmodelElementCollection", "idShort": name, "value": list(elements)}
