"""Passport: the code on the product, what each tier sees, and the carbon footprint from its parts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from lineshaft.console import (
    Field,
    choice,
    columns,
    download_button,
    empty,
    facts,
    form,
    link,
    notice,
    picture,
    section,
    stack,
)
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.security import Role
from lineshaft.twins.metamodel.kinds import children
from lineshaft.twins.pages.passport import draw_contents, passport_address
from lineshaft.twins.pages.twin.footprint import draw_footprint
from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.service import PassportDesk, Repository
from lineshaft.twins.submodels.passport import Passport, Tier, granularity_of, product_code, product_of

_URI = "URIOfTheProduct"


@tab("passport", title="Passport", order=60, fits=lambda twin: bool(twin.asset))
async def passport(twin: Opened) -> None:
    """The passport, or the way to one."""
    found = twin.follow("passport")
    if found:
        await _Shown(twin, product_of(found[0].content)).draw()
    elif twin.may(Role.ENGINEER):
        _draw_making(twin)
    else:
        view = twin.view
        empty(view.text("No passport yet"), view.text("An engineer of this place can make one."), symbol="qr_code_2")
    await draw_footprint(twin)


def _draw_making(twin: Opened) -> None:
    view = twin.view

    async def make(values: dict[str, Any]) -> None:
        try:
            product_code(values["product"])
        except Invalid as error:
            raise Invalid(error.message, hint=error.hint, field="product") from error
        made = await view.ask(PassportDesk).make(view.who, twin.document.id, _passport(twin, values))

        async def back() -> None:
            await view.ask(Repository).let_go(view.who, twin.document.id, made.id)
            view.reload()

        view.toast(view.text("The passport is public now"), action=(view.text("Undo"), back))
        view.reload()

    with section(view.text("Make a passport"), subtitle=view.text("What the template calls public is then public.")):
        form(
            [
                Field(
                    name="product",
                    label=view.text("Product identifier"),
                    value=_suggested(twin),
                    required=True,
                    help=view.text("The web address that the code on the product holds; it never changes."),
                ),
                Field(name="operator", label=view.text("Economic operator"), required=True,
                      help=view.text("Id of the company that answers for the product, such as its LEI or VAT number.")),
                Field(name="facility", label=view.text("Facility")),
            ],
            on_submit=make,
            submit=view.text("Make the passport"),
        )  # fmt: skip


def _passport(twin: Opened, values: dict[str, Any]) -> Passport:
    return Passport(
        id=f"urn:uuid:{uuid4()}",
        product=values["product"],
        operator=values["operator"],
        facility=values["facility"] or "",
        updated=datetime.now(UTC),
        granularity=granularity_of(twin.shell),
    )


def _suggested(twin: Opened) -> str:
    """The address on the nameplate, else the asset's own, else that of our public page."""
    plates = twin.follow("nameplate", "battery_nameplate")
    told = [str(e.get("value") or "") for plate in plates for e in children(plate.content) if e.get("idShort") == _URI]
    known = [one for one in (*told, twin.asset) if one.startswith(("http://", "https://"))]
    return next(iter(known), f"{twin.view.site}{passport_address(twin.asset)}")


class _Shown:
    """The passport as one of the tiers sees it."""

    def __init__(self, twin: Opened, product: str) -> None:
        self._twin = twin
        self._product = product
        self._tier = Tier.PUBLIC
        self._body: Any = None
        self._place: Any = None

    async def draw(self) -> None:
        view = self._twin.view
        with columns(1, 2):
            self._draw_code()
            with stack():
                tiers = {"PUBLIC": view.text("Public"), "LEGITIMATE": view.text("Legitimate interest"),
                         "AUTHORITY": view.text("Authority")}  # fmt: skip
                choice(tiers, "PUBLIC", self._choose, label=view.text("Who looks"), named=True)
                self._place = stack()
        await self._choose("PUBLIC")

    def _draw_code(self) -> None:
        view = self._twin.view
        code = product_code(self._product)
        with section(view.text("On the product")):
            picture(code, view.text("Code that leads to {address}", address=self._product))
            facts([(view.text("Product identifier"), partial(link, self._product, self._product)),
                   (view.text("Public page"), partial(link, view.text("Open"), passport_address(self._product)))],
                  narrow=True)  # fmt: skip
            download_button("SVG", lambda: code, "passport.svg", media_type="image/svg+xml")
            download_button(view.text("Passport"), self._json, "passport.json", media_type="application/json")

    def _json(self) -> bytes:
        return orjson.dumps(self._body, option=orjson.OPT_INDENT_2)

    async def _choose(self, tier: str) -> None:
        view = self._twin.view
        self._place.clear()
        try:
            read = await view.ask(PassportDesk).read(view.who, self._product, Tier[tier])
        except PlatformError as error:
            with self._place:
                notice("warn", view.said(error.message), hint=view.said(error.hint))
            return
        self._body = read.body
        self._place.clear()
        with self._place:
            draw_contents(view, read)
