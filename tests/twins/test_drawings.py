"""Drawings somebody brings: what draws stays, what acts or leads elsewhere is taken out and named."""

from __future__ import annotations

import time
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest
import sqlalchemy as sa

from lineshaft.console.language import catalogue
from lineshaft.kernel.db import METADATA, Database
from lineshaft.security import Guard
from lineshaft.twins import BadPicture, Pictures, Twins, store
from lineshaft.twins.errors import BadFile, FileTooLarge, Outdated
from lineshaft.twins.files.drawing import clean
from lineshaft.twins.model.picture import Drawing
from lineshaft.twins.service import Parcel

from .conftest import ADA
from .test_pictures import box, picture

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(inside: str, head: str = 'viewBox="0 0 100 50"') -> bytes:
    return f"<svg {NS} {head}>{inside}</svg>".encode()


def cleaned(inside: str) -> tuple[Drawing, str]:
    drawing, findings = clean(svg(inside))
    fromstring(f"<svg {NS}>{drawing.svg}</svg>")
    return drawing, "\n".join(findings)


def test_shapes_texts_and_gradients_stay_and_ids_can_be_bound() -> None:
    drawing, said = cleaned(
        '<defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
        '<g id="door" transform="translate(1 2)"><path d="M0 0 H10" fill="url(#g)" stroke-width="2"/></g>'
        '<use xlink:href="#door"/><text id="t" x="1">A &lt; B</text>'
    )
    assert said == ""
    assert drawing.parts == ("g", "door", "t")
    assert (drawing.box, drawing.size) == ("0 0 100 50", (100.0, 50.0))
    assert 'data-el="door"' in drawing.svg
    prefix = drawing.svg.split('id="')[1].split("-g")[0]
    assert f'fill="url(#{prefix}-g)"' in drawing.svg
    assert f'href="#{prefix}-door"' in drawing.svg
    assert "A &lt; B" in drawing.svg


@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        ("<script>alert(1)</script>", "<script> was taken out"),
        ('<rect onload="alert(1)" width="1"/>', "onload of <rect> was taken out: it can act"),
        ('<rect ONCLICK="alert(1)"/>', "ONCLICK of <rect> was taken out"),
        ("<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>", "<foreignObject> was taken"),
        ('<image href="http://evil.example/x.png"/>', "href of <image> was taken out: it leads out of the file"),
        ('<image href="data:image/svg+xml;base64,PHN2Zz4="/>', "href of <image> was taken out"),
        ('<use href="http://evil.example/x.svg#a"/>', "href of <use> was taken out"),
        ('<a href="javascript:alert(1)"><rect/></a>', "href of <g> was taken out"),
        ('<rect fill="url(http://evil.example/x#a)"/>', "fill of <rect> was taken out"),
        ('<rect style="fill: url(//evil.example/x)"/>', "fill of <rect> was taken out"),
        ('<rect fill="\\75 rl(http://evil.example)"/>', "fill of <rect> was taken out"),
        ('<animate attributeName="href" to="javascript:alert(1)"/>', "<animate> was taken out"),
        ('<set attributeName="onload" to="alert(1)"/>', "<set> was taken out"),
        ("<style>@import 'http://evil.example/x.css';</style>", "@import of the style sheet was taken out"),
        ("<style>body * {display: none}</style>", "'body *' was left out"),
        ("<?xml-stylesheet href='http://evil.example/x.css'?>", "xml-stylesheet"),
        ("<handler type='text/javascript'>x</handler>", "<handler> was taken out"),
    ],
)
def test_what_could_act_or_lead_elsewhere_is_taken_out_and_named(hostile: str, named: str) -> None:
    drawing, said = cleaned(hostile + '<rect id="kept" width="3"/>')
    assert named in said
    chinese = [catalogue("zh").said(finding) for finding in said.split("\n")]
    assert not [told for told in chinese if "taken out" in told or "left out" in told]
    assert drawing.parts == ("kept",)
    low = drawing.svg.lower()
    assert not any(
        word in low for word in ("evil", "script", "alert", "onload", "onclick", "import", "animate", "url(")
    )


def test_a_file_that_declares_entities_is_refused_before_they_grow() -> None:
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + svg("<text>&b;</text>")
    with pytest.raises(BadFile, match="declares entities"):
        clean(bomb)
    outside = b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<text>&x;</text>")
    with pytest.raises(BadFile, match="declares entities"):
        clean(outside)
    plain = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">' + svg("<rect/>")
    assert clean(plain)[1] == ("Line 1: the document type was taken out.",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n", "not XML"),
        (b"<html/>", "first element is not <svg>"),
        (b"<svg/>", "first element is not <svg>"),
        (svg("<g>" * 70 + "</g>" * 70), "too deep"),
        (svg("<rect/>" * 20_001), "too many elements"),
        (svg("<rect/>" + " " * (1 << 20)), "KiB"),
    ],
)
def test_what_is_no_drawing_or_too_much_is_refused_with_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises((BadFile, FileTooLarge), match=says):
        clean(content)


@pytest.mark.parametrize(("encoding", "codec"), [("GB2312", "gbk"), ("gbk", "gbk"), ("GB18030", "gb18030")])
def test_a_drawing_in_an_encoding_of_china_is_read(encoding: str, codec: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}" standalone="no"?>'.encode()
    drawing, said = clean(head + svg('<text id="t">X</text>').replace(b"X", "阀门镕".encode(codec)))
    assert ("阀门镕</text>" in drawing.svg, drawing.parts, said) == (True, ("t",), ())


@pytest.mark.parametrize(
    ("encoding", "says"), [("GB2312", "not in gb18030"), ("euc-kr", "nobody here reads"), ("no-such", "nobody here")]
)
def test_a_drawing_in_an_encoding_nobody_reads_is_refused(encoding: str, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        clean(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + svg("<text>X</text>").replace(b"X", b"\xff"))


def doubled(levels: int) -> str:
    each = (f'<g id="a{n}"><use href="#a{n - 1}"/><use href="#a{n - 1}"/></g>' for n in range(1, levels))
    return '<rect id="a0"/>' + "".join(each)


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        (doubled(25), "repeats its parts too often"),
        ('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>', "in a ring"),
        ('<pattern id="p"><rect fill="url(#p)"/></pattern>', "in a ring"),
        ('<pattern id="p">' + "<rect/>" * 400 + '</pattern><g fill="url(#p)">' + "<rect/>" * 400 + "</g>", "too often"),
        (
            '<marker id="m">' + "<rect/>" * 100 + '</marker><path marker-mid="url(#m)" d="' + "h1" * 2_000 + '"/>',
            "often",
        ),
    ],
)
def test_a_small_drawing_that_draws_without_end_is_refused(inside: str, says: str) -> None:
    with pytest.raises((BadFile, FileTooLarge), match=says):
        clean(svg(inside))


def test_parts_and_gradients_may_be_used_as_often_as_drawings_do() -> None:
    shade = '<linearGradient id="s">' + "<stop/>" * 5 + "</linearGradient>"
    many = '<g id="valve"><path d="M0 0"/></g>' + '<use href="#valve"/>' * 5_000
    assert clean(svg(shade + many + '<g fill="url(#s)">' + "<rect/>" * 10_000 + "</g>"))[1] == ()


def test_style_sheets_become_attributes_so_that_they_reach_nothing_else_on_the_page() -> None:
    drawing, _ = cleaned(
        "<style>/* walls */ .wall, .roof {fill: #eee; stroke-width: 2px !important}"
        " #door {fill: red} path{stroke: blue}</style>"
        '<path class="wall" id="door" d="M0 0"/><rect class="roof"/>'
    )
    assert "style" not in drawing.svg
    assert 'fill="red"' in drawing.svg
    assert 'stroke="blue"' in drawing.svg
    assert drawing.svg.count('stroke-width="2px"') == 2


def test_sheets_made_to_take_long_do_not() -> None:
    begun = time.perf_counter()
    for sheet in ("@" * 300_000, "/*" * 200_000, "a" * 500_000, "{" * 300_000, "a:" * 200_000):
        clean(svg(f"<style>{sheet}</style><rect fill='{'url(#' * 50_000}'/>"))
    assert time.perf_counter() - begun < 15


def test_sizes_are_read_in_all_units_and_nonsense_becomes_something_that_can_be_drawn() -> None:
    assert clean(svg("", 'width="25.4mm" height="1in"'))[0].size == pytest.approx((96, 96))
    assert clean(svg("", 'width="1e999" height="-5" viewBox="a b c d"'))[0].size == (300, 150)
    assert clean(svg("", 'width="100%" viewBox="0,0,640,480"'))[0].size == (640, 480)


@pytest.fixture
async def pictures(db: Database, guard: Guard, twins: Twins) -> Pictures:
    return Pictures(db, guard, twins.now)


async def test_a_drawing_is_kept_with_the_picture_and_cleaned_again_wherever_it_comes_from(pictures: Pictures) -> None:
    digest, drawing, findings = await pictures.add_drawing(ADA, "acme", svg('<rect id="r" onload="x()"/>'))
    assert len(findings) == 1
    shown = picture(box("d", "drawing", drawing="hall"), drawings={"hall": digest})
    made = await pictures.save(ADA, shown)
    assert await pictures.drawings(ADA, made) == {"hall": drawing}
    parcel = await Parcel.of(pictures, ADA, made)
    parcel["drawings"]["hall"]["svg"] = '<rect id="r" data-el="r" onclick="x()"/><script>x()</script>'
    again = await Parcel.taken(pictures, ADA, parcel, new=True)
    kept = (await pictures.drawings(ADA, again))["hall"]
    assert "x()" not in kept.svg
    assert kept.parts == ("r",)
    with pytest.raises(BadPicture, match="drawing 'hall' is not here"):
        await pictures.save(ADA, replace(shown, drawings={"hall": "0" * 64}))


async def contents(db: Database) -> int:
    async with db.read() as tx:
        return int(
            await tx.scalar(sa.select(sa.func.count()).select_from(METADATA.tables["twins_model_contents"])) or 0
        )


async def test_saving_what_was_read_keeps_nothing_new_and_importing_it_names_parts_as_before(
    db: Database, pictures: Pictures
) -> None:
    digest, drawing, _ = await pictures.add_drawing(ADA, "acme", svg('<g id="door"/><use href="#door"/>'))
    made = await pictures.save(ADA, picture(box("d", "drawing", drawing="hall"), drawings={"hall": digest}))
    again = await Parcel.taken(pictures, ADA, await Parcel.of(pictures, ADA, made), new=False)
    assert (again.version, again.drawings, await contents(db)) == (2, {"hall": digest}, 1)
    other = await Parcel.taken(pictures, ADA, await Parcel.of(pictures, ADA, made), new=True)
    kept = (await pictures.drawings(ADA, other))["hall"]
    assert (len(kept.svg), kept.parts) == (len(drawing.svg), ("door",))


async def test_a_picture_that_is_refused_leaves_no_drawing_behind(db: Database, pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("d", "tank")))
    drawing = {"hall": {"svg": "<rect/>", "box": "0 0 1 1", "size": [1, 1]}}
    parcel = await Parcel.of(pictures, ADA, made) | {"drawings": drawing}
    await pictures.save(ADA, made)
    with pytest.raises(Outdated):
        await Parcel.taken(pictures, ADA, parcel, new=False)
    with pytest.raises(BadPicture):
        await Parcel.taken(pictures, ADA, parcel | {"title": {"en": " "}}, new=True)
    assert await contents(db) == 0


async def test_the_file_of_a_model_is_no_drawing_and_no_version_overflows(db: Database, pictures: Pictures) -> None:
    async with db.begin() as tx:
        await store.keep_content(tx, "f" * 64, b"PK\x03\x04\xff")
    with pytest.raises(BadPicture, match="drawing 'hall' is not here"):
        await pictures.save(ADA, picture(box("d", "drawing", drawing="hall"), drawings={"hall": "f" * 64}))
    with pytest.raises(BadPicture, match="version that nobody saved"):
        await pictures.save(ADA, picture(box("d", "tank"), version=2**70))
    assert await pictures.list_(ADA) == []
