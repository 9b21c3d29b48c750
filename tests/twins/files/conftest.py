"""The environment of all kinds, the published templates where they are at hand, and packages made by hand."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).parents[3].parent / "shared" / "data"
DATA = Path(os.environ.get("LINESHAFT_DATA", BESIDE)) / "idta"
TEMPLATES = sorted(DATA.glob("*.json"))
ALL_KINDS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "aas" / "environment.json").read_text())

RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
ORIGIN = "http://admin-shell.io/aasx/relationships/aasx-origin"
SPEC = "http://admin-shell.io/aasx/relationships/aas-spec"
SUPPLEMENTARY = "http://admin-shell.io/aasx/relationships/aas-suppl"


@pytest.fixture(params=TEMPLATES or [None], ids=lambda path: path.stem if path else "none")
def template(request: pytest.FixtureRequest) -> Path:
    """Each published template file in turn."""
    if request.param is None:
        pytest.skip("The published templates are not at hand: set LINESHAFT_DATA to the folder that holds idta/.")
    path: Path = request.param
    return path


def rels(*links: tuple[str, str]) -> str:
    """A relationships part."""
    lines = "".join(f'<Relationship Type="{t}" Target="{target}" Id="R{i}"/>' for i, (t, target) in enumerate(links))
    return f'<Relationships xmlns="{RELATIONSHIPS}">{lines}</Relationships>'


def package(parts: dict[str, bytes | str]) -> bytes:
    """A zip of these parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in parts.items():
            zipped.writestr(name, data)
    return target.getvalue()


def aasx(environment: bytes | str, more: dict[str, bytes | str] | None = None, **changed: bytes | str) -> bytes:
    """A minimal package around an environment, as another program could have written it."""
    parts: dict[str, bytes | str] = {
        "_rels/.rels": rels((ORIGIN, "/aasx/aasx-origin")),
        "aasx/aasx-origin": "",
        "aasx/_rels/aasx-origin.rels": rels((SPEC, "odd/place/model.data")),
        "aasx/odd/place/model.data": environment,
    }
    return package({**parts, **(more or {}), **changed})


def environment_of(*elements: dict[str, Any], **submodel: Any) -> dict[str, Any]:
    """One submodel with these elements."""
    body = {"modelType": "Submodel", "id": "urn:sm", "submodelElements": list(elements), **submodel}
    return {"submodels": [body]}


def prop(name: str, value: str = "1", type_: str = "xs:int", **more: Any) -> dict[str, Any]:
    return {"modelType": "Property", "idShort": name, "valueType": type_, "value": value, **more}


def ref(*keys: tuple[str, str]) -> dict[str, Any]:
    """A reference: a model reference when it begins at a submodel."""
    kind = "ModelReference" if keys[0][0] == "Submodel" else "ExternalReference"
    return {"type": kind, "keys": [{"type": t, "value": v} for t, v in keys]}
