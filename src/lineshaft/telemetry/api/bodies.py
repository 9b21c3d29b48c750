"""Reads bodies piece by piece, unpacked when they are packed, and never more than allowed."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from lineshaft.kernel.errors import Invalid
from lineshaft.telemetry.errors import TooLarge


async def read_body(request: Request, *, most_mb: int) -> bytes:
    """The whole body; TooLarge as soon as it is more than `most_mb`, also when it only unpacks to that."""
    most, pieces, size = most_mb << 20, [], 0
    async for piece in unpacked(request):
        size += len(piece)
        if size > most:
            raise TooLarge(
                f"The body is larger than {most_mb} MB.",
                hint="Send fewer samples at once, or raise telemetry.write_most_mb.",
            )
        pieces.append(piece)
    return b"".join(pieces)


async def unpacked(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces, gzip and deflate unpacked."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        async for piece in request.stream():
            yield piece
        return
    if encoding not in {"gzip", "deflate"}:
        raise Invalid(f"The content encoding {encoding!r} is not known.", hint="Send it plain, or as gzip.")
    packer = zlib.decompressobj(wbits=47 if encoding == "gzip" else 15)
    try:
        async for piece in request.stream():
            rest = piece
            while rest:
                yield packer.decompress(rest, 1 << 20)
                rest = packer.unconsumed_tail
        yield packer.flush()
    except zlib.error as error:
        raise Invalid(f"The body is not {encoding}: {error}.") from error
    if not packer.eof:
        raise Invalid(f"The {encoding} body ends too early.", hint="Send it again.")
