"""The published template files, where they are at hand: an oracle, never copied into the tree."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).parents[3].parent / "shared" / "data"
DATA = Path(os.environ.get("LINESHAFT_DATA", BESIDE)) / "idta"
FILES = {
    "technical_data": "02003-technical-data",
    "documents": "02004-documents",
    "nameplate": "02006-nameplate",
    "time_series": "02008-time-series",
    "bill_of_materials": "02011-bom",
    "interfaces": "02017-asset-interfaces",
    "capability": "02020-capability",
    "carbon": "02023-carbon",
    "interface_mapping": "02027-interface-mapping",
    "battery_nameplate": "02035-1-battery",
    "battery_carbon": "02035-3-battery",
    "battery_technical": "02035-4-battery",
    "battery_condition": "02035-5-battery",
    "battery_materials": "02035-6-battery",
    "battery_circularity": "02035-7-battery",
    "predictive_maintenance": "02048-predictive-maintenance",
    "calendar": "02067-calendar",
    "passport": "02099-passport",
}


def published_submodel(name: str) -> dict[str, Any]:
    """The submodel of a published template file; skips when it is not at hand."""
    file = DATA / f"{FILES[name]}.json"
    if not file.is_file():
        pytest.skip(f"the published template {file.name} is not at hand")
    submodel: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["submodels"][0]
    return submodel


@pytest.fixture(params=sorted(FILES))
def name(request: pytest.FixtureRequest) -> str:
    """Each template of the shelf in turn."""
    return str(request.param)


@pytest.fixture
def published(name: str) -> dict[str, Any]:
    """The submodel of the published file of that template."""
    return published_submodel(name)


@pytest.fixture
def published_interfaces() -> dict[str, Any]:
    """The published template of interface descriptions."""
    return published_submodel("interfaces")
