"""A line of machines, and a small glTF model made by hand."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditEntry, AuditFilter, Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live
from lineshaft.twins import Draft, Level, Projection, Repository, Scenes, Twins

LINE = PlantPath("acme/berlin/line-1")
FILLER = PlantPath(f"{LINE}/filler")


def person(name: str, role: Role, tree: str = "acme") -> Who:
    return Who(id=name, name=name, kind=WhoKind.USER, grants=(Grant(role=role, subtree=tree),), origin="test")


ADA, EVE = person("ada", Role.ENGINEER), person("eve", Role.VIEWER)
BOB = person("bob", Role.ADMIN, "other")
CORNERS = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
FACES = [0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3]


def document(*names: str) -> dict[str, Any]:
    """A glTF document with one tetrahedron per name, side by side."""
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(names)))}],
        "nodes": [{"name": name, "mesh": 0, "translation": [2 * n, 0, 0]} for n, name in enumerate(names)],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "buffers": [{"byteLength": 72}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 24},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 1]},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
    }


def glb(content: dict[str, Any]) -> bytes:
    """The document and the tetrahedron's numbers as one GLB file."""
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    numbers = b"".join(struct.pack("<3f", *corner) for corner in CORNERS) + struct.pack("<12H", *FACES)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(numbers), 0x004E4942) + numbers
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


MODEL = glb(document("Bearing_Temperature", "Frame", "speed.001"))
Make = Callable[..., Any]


@pytest.fixture
def repository(db: Database, guard: Guard, live: Live) -> Repository:
    return Repository(db, guard, "acme", live=live)


@pytest.fixture
async def line(twins: Twins, repository: Repository) -> Twins:
    """A filler, a capper and a labeller, with their shells."""
    for name in ("labeller", "capper", "filler"):
        await twins.create(PLATFORM, Draft(path=PlantPath(f"{LINE}/{name}"), level=Level.ASSET, type=name))
    await Projection(twins, repository).all()
    return twins


@pytest.fixture
def scenes(db: Database, guard: Guard, line: Twins, repository: Repository) -> Scenes:
    return Scenes(db, guard, line, repository)


async def audited(guard: Guard, action: str) -> list[AuditEntry]:
    return await guard.entries(PLATFORM, AuditFilter(action=action))
