"""Says JSON schemas and classes as Markdown, for the pages `generate.py` writes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

_LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
_FORMATS = {"password": "secret", "duration": "span", "date-time": "time"}


def model(title: str, kind: Any, *, skip: str = "") -> Iterator[str]:
    """A pydantic model as a section, with the models inside it."""
    schema = kind.model_json_schema()
    schema["properties"].pop(skip, None)
    inner = schema.get("$defs", {})
    yield f"## {title}\n\n{inspect.getdoc(kind)}"
    yield fields(schema, inner)
    for name, part in inner.items():
        if "properties" in part:
            yield f"### {name}\n\n{part['description']}\n\n{fields(part, inner)}"


def fields(schema: dict[str, Any], shapes: dict[str, Any]) -> str:
    """The properties of a JSON schema as a table."""
    needed, rows = schema.get("required", ()), []
    for name, part in schema.get("properties", {}).items():
        default = (
            "needed" if name in needed else code({"PT1S": "1s"}.get(str(part.get("default")), part.get("default")))
        )
        rows.append((code(name), words(part, shapes), default, part.get("description", "")))
    return table(("name", "value", "default", "meaning"), *rows) if rows else ""


def words(schema: dict[str, Any], shapes: dict[str, Any]) -> str:
    """What a JSON schema takes, in a few words."""
    if ref := schema.get("$ref", "").rpartition("/")[2]:
        target = shapes.get(ref, {})
        return f"[{ref}](#{ref.lower()})" if "properties" in target else words(target, shapes)
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return ", ".join(code(choice) for choice in choices)
    if union := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(words(part, shapes) for part in union if part.get("type") != "null"))
    shape = {"array": "list", "object": "map"}.get(schema.get("type", ""))
    if shape:
        inside = schema.get("items") or schema.get("additionalProperties")
        return f"{shape} of {words(inside, shapes)}" if isinstance(inside, dict) and inside else shape
    plain = _FORMATS.get(schema.get("format", ""), schema.get("type", "anything"))
    return " ".join([plain, *(f"{w} {schema[n]}" for n, w in _LIMITS.items() if n in schema)])


def asked_and_answered(route: dict[str, Any], shapes: dict[str, Any]) -> Iterator[str]:
    """What a route of an OpenAPI document takes and gives."""
    asked = []
    for part in route.get("parameters", ()):
        default = "needed" if part["required"] else code(part["schema"].get("default"))
        asked.append((code(part["name"]), words(part["schema"], shapes), default, part.get("description", "")))
    for kind, part in route.get("requestBody", {}).get("content", {}).items():
        asked.append((f"body, {kind}", words(part.get("schema", {}), shapes), "", ""))
    if asked:
        yield table(("name", "value", "default", "meaning"), *asked)
    for status, answer in route["responses"].items():
        told = [words(part["schema"], shapes) for part in answer.get("content", {}).values() if part.get("schema")]
        if status.startswith("2") and told:
            yield f"Answers {told[0]}."


def table(*rows: tuple[object, ...]) -> str:
    """Rows as a Markdown table; the first holds the headings."""
    lines = [" | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in [lines[0], " | ".join("---" for _ in rows[0]), *lines[1:]])


def code(value: object) -> str:
    """A value as it is written in a file; empty when there is none."""
    if value is None or value in ("", [], {}):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list) else value}`"
