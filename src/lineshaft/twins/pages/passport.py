"""The public page of a passport: what anybody sees who scans the code on a product."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from lineshaft.console import View, download_button, facts, page, paragraph, plain_page, section
from lineshaft.twins.metamodel import identifiers
from lineshaft.twins.metamodel.kinds import SLOTS, Json, kind_of
from lineshaft.twins.service import PassportDesk, Read
from lineshaft.twins.submodels import Line, sheet, template_for

from .naming import called, element_title, value_note


def passport_address(product: str) -> str:
    """The public page of a product."""
    return f"/passport/{identifiers.encode_id(product)}"


@page("/passport/{key}", title="Product passport", section=None, public=True, plain=True)
async def passport(view: View, key: str) -> None:
    """The public tier of a product's passport, for nobody in particular."""
    read = await view.ask(PassportDesk).read(None, identifiers.decode_id(key))
    with plain_page(called(read.shell, view.language) or view.text("Product passport"), subtitle=read.product):
        draw_contents(view, read)
        download_button(view.text("Passport"), lambda: orjson.dumps(read.body, option=orjson.OPT_INDENT_2),
                        "passport.json", media_type="application/json")  # fmt: skip


def draw_contents(view: View, read: Read) -> None:
    """What the passport says of itself, then its contents."""
    names = {
        "digitalProductPassportId": view.text("Passport"),
        "economicOperatorId": view.text("Economic operator"),
        "facilityId": view.text("Facility"),
        "granularity": view.text("Granularity"),
        "dppStatus": view.text("Status"),
        "lastUpdate": view.text("Last update"),
    }
    with section(view.text("Passport")):
        facts([(label, str(read.body[name])) for name, label in names.items() if name in read.body], narrow=True)
    for content in read.contents:
        _draw_content(view, content)
    if not read.contents:
        paragraph(view.text("Nothing else may be seen here."), muted=True)


def _draw_content(view: View, content: Json) -> None:
    followed = template_for(content)
    title = (followed.title.get(view.language) or followed.title["en"]) if followed else called(content, view.language)
    pairs = [(label, note) for label, note in _leaves(view, sheet(content, followed), "") if note]
    with section(title):
        facts(pairs, narrow=True) if pairs else paragraph(view.text("Nothing is filled in yet."), muted=True)


def _leaves(view: View, line: Line, above: str) -> Iterator[tuple[str, str]]:
    for position, one in enumerate(line.lines):
        name = element_title(one.element, one.said, view.language) or str(position + 1)
        label = f"{above} › {name}" if above else name
        if kind_of(one.said) in SLOTS:
            yield from _leaves(view, one, label)
        else:
            yield label, value_note(view, one.said)
