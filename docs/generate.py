"""Write docs/reference from the code: settings, errors, facts, connectors, HTTP and commands.

python docs/generate.py            write the pages
python docs/generate.py --check    exit 1 and name the pages that differ from the code
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer.main
from wording import asked_and_answered, code, fields, model, table, words

import lineshaft
from lineshaft.app import SECTIONS
from lineshaft.app.web import build_web
from lineshaft.cli import app as commands
from lineshaft.edge import SHELF, TagSettings
from lineshaft.kernel.config import KERNEL_SECTIONS
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.facts import Fact, subject_of
from lineshaft.twins.api.aas import routes as aas_routes
from lineshaft.twins.api.aas.description import PROFILES
from lineshaft.twins.api.aas.roots import SUBMODEL_ROOTS

FOLDER = Path(__file__).parent / "reference"
NOTE = "Written by `python docs/generate.py`: change the code, not this page."
OURS = [(name, plugin) for name, plugin in SHELF.plugins.items() if plugin.module.startswith("lineshaft.")]
COMMON = """`[[edge.<connector>]]` is one connection. All have these keys, and those of their connector below.

| key | meaning |
| --- | --- |
| `name` | letters, digits, '-' and '_'; needed |
| `path` | place in the plant, below the organisation; by default the name |
| `enabled` | `false` keeps it configured but does not run it |
| `edge` | name of the box that runs it; by default the box of the process that saved it first |
| `tags` | the values, as `[[edge.<connector>.tags]]` |"""

BESIDES = """`/api/docs` of a running platform shows the same and lets you try.

Besides: `/healthz` (200 or 503, for everybody), `/metrics` (Prometheus, with a token), and the WebSocket
`/api/v1/live`; [Query data](../guides/query-data.md) tells how to speak to it."""


AAS_API = """The operations of IDTA-01002 that `/api/v3.0` and `/api/v3.1` serve.
The specification says what goes in and out, [Use twins through the AAS API](../guides/aas.md) how to begin.

Everything below `/submodels/{smId}` stands below `/shells/{aasId}/submodels/{smId}`, `/one/{id}/submodel` and
`/one/{id}/aas/submodels/{smId}` too."""


class Unbuilt:
    """Stands where a service will be: routes are described here, never called."""

    def __getattr__(self, name: str) -> Unbuilt:
        return self

    def __call__(self, *given: object) -> Unbuilt:
        return self


def settings() -> Iterator[str]:
    yield "The sections of `plant.toml`. The environment overrides single values: `LINESHAFT_HTTP__PORT=8090`."
    for name, section in {**KERNEL_SECTIONS, **SECTIONS}.items():
        yield from model(f"[{name}]", section, skip="connections")
    yield f"## Connections\n\n{COMMON}"
    yield from model("[[edge.<connector>.tags]]", TagSettings)
    for name, plugin in OURS:
        yield from model(f"[[edge.{name}]]", plugin.load().CONNECTOR.Settings)


def errors() -> Iterator[str]:
    yield "HTTP answers errors as problem details (RFC 9457) with `code`, `status`, `title` and `hint`."
    kinds = {k.code: k for k in (PlatformError, *below(PlatformError)) if "code" in vars(k)}
    rows = [(code(c), k.status, inspect.getdoc(k), k.default_hint) for c, k in sorted(kinds.items())]
    yield table(("code", "status", "what happened", "next step"), *rows)


def facts() -> Iterator[str]:
    yield "What the platform tells as it happens: JSON on the JetStream stream `FACTS`, each at least once."
    for kind in sorted(below(Fact), key=subject_of):
        yield f"## {subject_of(kind)}\n\n{inspect.getdoc(kind)}"
        told = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"].items()
        yield table(("name", "value"), *[(code(name), words(part, {})) for name, part in told])


def connectors() -> Iterator[str]:
    yield "What can be connected. The page behind a name tells how addresses are written and where its limits are."
    for name, plugin in OURS:
        told = {key: value for key, value in plugin.manifest.items() if value and key not in ("title", "summary")}
        rows = [(key, ", ".join(value) if isinstance(value, list) else value) for key, value in told.items()]
        readme = f"../../src/lineshaft/edge/connectors/{name}/README.md"
        yield f"## {plugin.title}\n\n{plugin.manifest['summary']}"
        yield table(("name", f"[{name}]({readme})"), *rows)


def http() -> Iterator[str]:
    api = build_web(Unbuilt(), set()).openapi()  # type: ignore[arg-type]
    shapes = api["components"]["schemas"]
    routes = [
        (f"{verb.upper()} {path}", route) for path, verbs in api["paths"].items() for verb, route in verbs.items()
    ]
    yield f"Send `Authorization: Bearer <token>`. {BESIDES}"
    for tag in dict.fromkeys(route["tags"][0] for _, route in routes):
        yield f"## {tag.capitalize()}"
        for title, route in routes:
            if route["tags"][0] == tag:
                yield f"### {title}\n\n{route.get('description', '')}"
                yield from asked_and_answered(route, shapes)
    yield "## Shapes"
    for name, shape in shapes.items():
        if "properties" in shape:
            yield f"### {name}\n\n{shape.get('description', '')}\n\n{fields(shape, shapes)}"


def aas() -> Iterator[str]:
    yield AAS_API
    again = tuple(root.address for root in SUBMODEL_ROOTS[1:])
    shown = [one for one in aas_routes() if not one.address.startswith(again)]
    for start in dict.fromkeys(one.address.split("/")[1] for one in shown):
        yield f"## /{start}"
        rows = [
            (code(f"{one.method} {one.address}"), one.summary) for one in shown if one.address.split("/")[1] == start
        ]
        yield table(("operation", "what it does"), *rows)
    for version, names in PROFILES.items():
        yield f"## Profiles of {version}"
        rows = [(name, ", ".join(f"SSP-{number:03}" for number in numbers)) for name, numbers in names.items()]
        yield table(("service specification", "profiles"), *rows)


def cli() -> Iterator[str]:
    yield from command_pages(typer.main.get_command(commands), "lineshaft")


def command_pages(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if not command.hidden:
            yield f"## {path} {name}\n\n{command.help}"
            rows = [(code(p.opts[0]), p.help or "", code(p.default)) for p in command.params]
            yield table(("argument", "meaning", "default"), *rows) if rows else ""
            if hasattr(command, "commands"):
                yield from command_pages(command, f"{path} {name}")


def below(kind: Any) -> Iterator[Any]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("lineshaft."):
            yield child
        yield from below(child)


def main(check: bool) -> int:
    for module in pkgutil.walk_packages(lineshaft.__path__, "lineshaft."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    stale = 0
    for write in (settings, errors, facts, connectors, http, aas, cli):
        file = FOLDER / f"{write.__name__}.md"
        title = {"http": "HTTP", "aas": "AAS API", "cli": "Commands"}.get(write.__name__, write.__name__.capitalize())
        text = "\n\n".join(part for part in (f"# {title}", NOTE, *write()) if part) + "\n"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale += 1
            print(f"{file.name} differs" if check else f"{file.name} written")
            if not check:
                file.write_text(text, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
