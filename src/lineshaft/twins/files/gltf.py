"""glTF 2.0 models (Khronos, ISO/IEC 12113): what parts a file names, and whether a browser may be given it.

    GLB       12 bytes head: 'glTF', version, length │ chunks: length, type, content │ JSON first, then BIN
    .gltf     the JSON alone, its buffers as data: URIs

Nothing outside of the file is ever fetched: a file that names anything else is refused. So is one whose nodes
do not form trees, whose numbers point outside of its buffers, or that needs a decoder we do not bring.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from .refusals import too_large, unreadable

MOST_MB = 32
MOST_JSON_MB = 8
MOST_NODES = 20_000
MOST_VERTICES = 3_000_000
MOST_DEPTH = 100
MOST_LETTERS = 200
_DECODERS = {
    "KHR_draco_mesh_compression": "Draco compression",
    "EXT_meshopt_compression": "meshopt compression",
    "KHR_texture_basisu": "Basis textures",
}
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_SIZES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_COUNTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a model brings: the names of its nodes in the order they come, each once, and how many vertices."""

    parts: tuple[str, ...]
    vertices: int


def examine(content: bytes) -> Drawing:
    """What a glTF or GLB file brings; BadFile or FileTooLarge says in one sentence why it cannot be used."""
    if len(content) > MOST_MB << 20:
        raise too_large(f"The model has {len(content) >> 20} MB; at most {MOST_MB} MB can be shown")
    document, binary = _glb(content) if content[:4] == b"glTF" else (_document(content), None)
    version = str(_one(document, "asset").get("version", ""))
    if not version.startswith("2."):
        raise unreadable(f"model is of glTF {version or 'without a version'}; 2.0 can be shown")
    for name in _list(document, "extensionsRequired"):
        if isinstance(name, str) and name in _DECODERS:
            raise unreadable(f"model needs {_DECODERS[name]}, which cannot be shown; export it without")
    _check_outside(document)
    buffers = [_length(buffer, binary, n) for n, buffer in enumerate(_list(document, "buffers"))]
    _check_accessors(document, _views(document, buffers))
    return Drawing(parts=_parts(document), vertices=_vertices(document))


def _glb(content: bytes) -> tuple[Json, bytes | None]:
    if len(content) < 20:
        raise unreadable("model ends before its JSON begins")
    _, version, length = struct.unpack_from("<4sII", content)
    if version != 2 or length != len(content):
        raise unreadable(f"model says version {version} and {length} bytes; it has {len(content)} bytes")
    chunks = list(_chunks(content))
    if not chunks or chunks[0][0] != _JSON:
        raise unreadable("model does not begin with its JSON")
    binary = next((body for kind, body in chunks[1:2] if kind == _BIN), None)
    if len(chunks[0][1]) > MOST_JSON_MB << 20:
        raise too_large(
            f"The JSON of the model has {len(chunks[0][1]) >> 20} MB; at most {MOST_JSON_MB} MB can be read"
        )
    return _document(chunks[0][1]), binary


def _chunks(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 12
    while at < len(content):
        if at + 8 > len(content):
            raise unreadable("model ends inside a chunk")
        length, kind = struct.unpack_from("<II", content, at)
        if at + 8 + length > len(content):
            raise unreadable("model has a chunk that is longer than the file")
        yield kind, content[at + 8 : at + 8 + length]
        at += 8 + length


def _document(content: bytes) -> Json:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise unreadable(f"file is no glTF model: {error}") from error
    if not isinstance(found, dict):
        raise unreadable("file is no glTF model: its JSON is no object")
    return found


def _one(holder: Json, name: str) -> Json:
    found = holder.get(name, {})
    if not isinstance(found, dict):
        raise unreadable(f"model has a {name!r} that is no object")
    return found


def _list(holder: Json, name: str) -> list[Any]:
    found = holder.get(name, [])
    if not isinstance(found, list):
        raise unreadable(f"model has {name!r} that are no list")
    return found


def _objects(holder: Json, name: str) -> list[Json]:
    found = _list(holder, name)
    if not all(isinstance(one, dict) for one in found):
        raise unreadable(f"model has {name!r} that are no objects")
    return found


def _whole(holder: Json, name: str, default: int | None = None) -> int:
    found = holder.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise unreadable(f"model has a {name} of {str(found)[:40]!r}")
    return found


def _check_outside(document: Json) -> None:
    for kind in ("buffers", "images"):
        for one in _objects(document, kind):
            uri = one.get("uri", "data:")
            if not isinstance(uri, str) or not uri.startswith("data:"):
                raise unreadable(f"model points outside of itself, to {str(uri)[:80]!r}; save it as one GLB file")


def _length(buffer: Json, binary: bytes | None, number: int) -> int:
    """How many bytes a buffer really has."""
    told = _whole(buffer, "byteLength")
    if "uri" in buffer:
        try:
            has = len(base64.b64decode(buffer["uri"].partition(",")[2], validate=True))
        except ValueError as error:  # binascii.Error is one, and so is a letter that is not ASCII
            raise unreadable(f"model has a buffer {number} that is no base64") from error
    else:
        has = len(binary) if binary is not None and number == 0 else 0
    if told > has:
        raise unreadable(f"model says that buffer {number} has {told} bytes; it has {has}")
    return told


def _views(document: Json, buffers: list[int]) -> list[int]:
    """The length of each view of a buffer."""
    found = []
    for view in _objects(document, "bufferViews"):
        start, length, buffer = _whole(view, "byteOffset", 0), _whole(view, "byteLength"), _whole(view, "buffer")
        if buffer >= len(buffers) or start + length > buffers[buffer]:
            raise unreadable("model has a view that reaches outside of its buffer")
        found.append(length)
    return found


def _check_accessors(document: Json, views: list[int]) -> None:
    for accessor in _objects(document, "accessors"):
        if "bufferView" not in accessor:
            continue
        view, count, start = (
            _whole(accessor, "bufferView"),
            _whole(accessor, "count"),
            _whole(accessor, "byteOffset", 0),
        )
        kind, shape = accessor.get("componentType"), accessor.get("type")
        if not isinstance(kind, int) or not isinstance(shape, str):
            raise unreadable("model has numbers of no known type")
        size = _SIZES.get(kind, 0) * _COUNTS.get(shape, 0)
        if not size or view >= len(views) or start + count * size > views[view]:
            raise unreadable("model has numbers that reach outside of their buffer")


def _vertices(document: Json) -> int:
    accessors = _objects(document, "accessors")
    count = sum(_whole(one, "count") for one in accessors)
    if count > MOST_VERTICES:
        raise too_large(f"The model has {count:,} vertices and indices; at most {MOST_VERTICES:,} can be shown")
    return count


def _parts(document: Json) -> tuple[str, ...]:
    nodes = _objects(document, "nodes")
    if len(nodes) > MOST_NODES:
        raise too_large(f"The model has {len(nodes):,} nodes; at most {MOST_NODES:,} can be shown")
    _check_trees([_list(node, "children") for node in nodes])
    names = [str(node["name"])[:MOST_LETTERS] for node in nodes if node.get("name")]
    return tuple(dict.fromkeys(names))


def _check_trees(children: list[list[Any]]) -> None:
    """Every node has one parent at most and none is below itself, or drawing it would not end."""
    parents: dict[int, int] = {}
    for parent, below in enumerate(children):
        for child in below:
            if not isinstance(child, int) or not 0 <= child < len(children) or child in parents:
                raise unreadable("model has nodes that do not form trees")
            parents[child] = parent
    for node in range(len(children)):
        depth, at = 0, node
        while at in parents:
            at, depth = parents[at], depth + 1
            if depth > MOST_DEPTH:
                raise unreadable(f"model has nodes below themselves, or more than {MOST_DEPTH} deep")
