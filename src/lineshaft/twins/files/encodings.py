"""XML as expat takes it: in the encodings of East Asia, which expat does not know, and with blanks at its beginning."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from .refusals import unreadable
from .report import Report

_DECLARED = re.compile(rb"<\?xml[^>]{1,200}encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})")
_BOM: Final = b"\xef\xbb\xbf"
_CODECS: Final = {
    **dict.fromkeys(("gb2312", "gb_2312-80", "gbk", "x-gbk", "cp936", "gb18030"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "cp950"), "big5hkscs"),
    **dict.fromkeys(("shift_jis", "shift-jis", "windows-31j", "cp932"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "cp949"), "cp949"),
    "euc-jp": "euc_jp",
}
"""Declared name -> the codec that also knows what programs write under that name."""


def decoded(chunks: Iterator[bytes], name: str, report: Report) -> tuple[Iterator[bytes], str | None]:
    """The document for expat, and the encoding that goes before its declaration when it was decoded here."""
    first = next(chunks, b"")
    bare = first.removeprefix(_BOM)
    if bare[:1].isspace() and bare.lstrip().startswith(b"<?xml"):
        report.add("structure", name, "White space stands before the XML declaration.")
        first = bare.lstrip()
    declared = _DECLARED.match(bare.lstrip()[:300])
    codec = _CODECS.get(declared[1].decode().lower()) if declared and not first.startswith(_BOM) else None
    whole = _rejoined(first, chunks)
    return (_recoded(whole, codec), "utf-8") if codec else (whole, None)


def _rejoined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _recoded(chunks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise unreadable(f"XML is not in the encoding it declares: {error}") from error
