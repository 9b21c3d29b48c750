"""glTF files: their parts are named, and what would harm a browser or fetch from elsewhere is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from lineshaft.twins.errors import BadFile, FileTooLarge
from lineshaft.twins.files import gltf
from lineshaft.twins.files.gltf import examine

from .conftest import MODEL, document, glb

Json = dict[str, Any]


def test_the_parts_of_a_model_are_its_named_nodes() -> None:
    found = examine(MODEL)
    assert found.parts == ("Bearing_Temperature", "Frame", "speed.001")
    assert found.vertices == 16


def test_a_gltf_file_that_carries_its_numbers_inside_is_taken() -> None:
    content = document("Lid")
    content["buffers"] = [
        {"byteLength": 72, "uri": "data:application/octet-stream;base64," + base64.b64encode(MODEL[-72:]).decode()}
    ]
    assert examine(json.dumps(content).encode()).parts == ("Lid",)


def outside(content: Json) -> None:
    content["buffers"][0]["uri"] = "https://example.com/a.bin"


def picture(content: Json) -> None:
    content["images"] = [{"uri": "../../etc/passwd"}]


def draco(content: Json) -> None:
    content["extensionsRequired"] = ["KHR_draco_mesh_compression"]


def old(content: Json) -> None:
    content["asset"]["version"] = "1.0"


def ring(content: Json) -> None:
    content["nodes"][0]["children"] = [1]
    content["nodes"][1]["children"] = [0]


def shared(content: Json) -> None:
    content["nodes"][0]["children"] = [2]
    content["nodes"][1]["children"] = [2]


def beyond(content: Json) -> None:
    content["accessors"][0]["count"] = 5


def view(content: Json) -> None:
    content["bufferViews"][1]["byteLength"] = 25


def short(content: Json) -> None:
    content["buffers"][0]["byteLength"] = 73


def odd(content: Json) -> None:
    content["accessors"][0]["count"] = -1


def typeless(content: Json) -> None:
    content["accessors"][0]["componentType"] = []


def shapeless(content: Json) -> None:
    content["accessors"][0]["type"] = {}


def nameless(content: Json) -> None:
    content["extensionsRequired"] = [[1]]
    content["accessors"][0]["count"] = -1


def foreign(content: Json) -> None:
    content["buffers"][0]["uri"] = "data:,\u00e9"


def listless(content: Json) -> None:
    content["nodes"] = {"0": {}}


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (outside, "points outside of itself, to 'https://example.com/a.bin'"),
        (picture, "points outside of itself, to '../../etc/passwd'"),
        (draco, "needs Draco compression"),
        (old, "is of glTF 1.0"),
        (ring, "below themselves"),
        (shared, "do not form trees"),
        (beyond, "reach outside of their buffer"),
        (view, "reaches outside of its buffer"),
        (short, "says that buffer 0 has 73 bytes; it has 72"),
        (odd, "a count of '-1'"),
        (typeless, "numbers of no known type"),
        (shapeless, "numbers of no known type"),
        (nameless, "a count of '-1'"),
        (foreign, "a buffer 0 that is no base64"),
        (listless, "'nodes' that are no list"),
    ],
)
def test_a_model_made_to_do_harm_is_refused_with_the_reason(harm: Callable[[Json], None], says: str) -> None:
    content = document("A", "B", "C")
    harm(content)
    with pytest.raises(BadFile) as caught:
        examine(glb(content))
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no glTF model"),
        (b"glTF", "ends before its JSON begins"),
        (b"solid cube", "no glTF model"),
        (b"[1]", "its JSON is no object"),
        (b"[" * 100_000, "no glTF model"),
        (MODEL[:-1], "says version 2"),
        (MODEL[:8] + (len(MODEL) + 4).to_bytes(4, "little") + MODEL[12:] + b"\0\0\0\0", "ends inside a chunk"),
        (MODEL[:12] + b"\xff\xff\xff\x7f" + MODEL[16:], "longer than the file"),
    ],
)
def test_what_is_no_model_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        examine(content)


def test_a_model_that_asks_for_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileTooLarge, match="at most 32 MB"):
        examine(b"glTF" + bytes(33 << 20))
    many = document(*(f"n{i}" for i in range(6)))
    monkeypatch.setattr(gltf, "MOST_NODES", 5)
    with pytest.raises(FileTooLarge, match="6 nodes; at most 5"):
        examine(glb(many))
    monkeypatch.setattr(gltf, "MOST_VERTICES", 15)
    with pytest.raises(FileTooLarge, match="16 vertices and indices; at most 15"):
        examine(MODEL)
    deep = document(*(f"n{i}" for i in range(4)))
    for n in range(3):
        deep["nodes"][n]["children"] = [n + 1]
    monkeypatch.setattr(gltf, "MOST_DEPTH", 2)
    monkeypatch.setattr(gltf, "MOST_VERTICES", 100)
    with pytest.raises(BadFile, match="more than 2 deep"):
        examine(glb(deep))
