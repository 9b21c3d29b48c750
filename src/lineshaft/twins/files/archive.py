"""Opens a zip that came from outside: names, counts and sizes are judged before anything is unpacked.

What the directory of the zip says of sizes is only a claim, so unpacking counts for itself and stops at the claim.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote

from .limits import Limits
from .naming import keys
from .refusals import too_large, unreadable

_CHUNK: Final = 256 * 1024
_DIRECTORY: Final = 8 * 1024 * 1024
"""Bytes of the zip's own directory, which is read in one piece."""
_SMALL: Final = 1024 * 1024


class _Bounded:
    """A file that hands out at most 8 MiB at once, so that no directory of a zip can fill the memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY:
            raise too_large("The directory of the package is larger than 8 MiB")
        return self._stream.read(size if size >= 0 else _DIRECTORY)

    def close(self) -> None:
        """The stream belongs to the caller."""


class Archive:
    """The parts of a package by name; `/`-rooted as OPC writes them."""

    def __init__(self, source: Path | IO[bytes], limits: Limits) -> None:
        self._source, self._limits = source, limits
        with self._opened() as zipped:
            self.parts = _judge(zipped.infolist(), limits)
        self._by_key = {name.casefold(): name for name in self.parts}
        for name, info in self.parts.items():
            for key in keys(name, info):
                self._by_key.setdefault(key, name)

    def find(self, name: str) -> str | None:
        """The part of this name as the package writes it; OPC names are equal whatever their case and encoding."""
        return self._by_key.get(name.casefold()) or self._by_key.get(unquote(name).casefold())

    def size(self, name: str) -> int:
        return self.parts[name].file_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part, unpacked piece by piece; BadFile when it is not as the directory says."""
        info = self.parts[name]
        left = info.file_size
        try:
            with self._opened() as zipped, zipped.open(info) as part:
                while piece := part.read(_CHUNK):
                    left -= len(piece)
                    if left < 0:
                        raise too_large(f"Part {name} unpacks to more than its {info.file_size} bytes")
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise unreadable(f"package is broken in part {name}: {error}") from error
        if left:
            raise unreadable(f"package is broken in part {name}: {left} bytes are missing")

    def read(self, name: str) -> bytes:
        """A part as a whole."""
        return b"".join(self.chunks(name))

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            if isinstance(self._source, Path):
                with self._source.open("rb") as stream, zipfile.ZipFile(_Bounded(stream)) as zipped:
                    yield zipped
            else:
                with zipfile.ZipFile(_Bounded(self._source)) as zipped:
                    yield zipped
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise unreadable(f"package is a broken zip: {error}") from error


def _judge(infos: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > limits.parts:
        raise too_large(f"The package has {len(infos)} parts and {limits.parts} are allowed")
    if sum(info.file_size for info in infos) > limits.unpacked:
        raise too_large(f"The package unpacks to more than {limits.unpacked} bytes")
    found: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for info in infos:
        name = _name(info)
        if name.casefold() in seen:
            raise unreadable(f"package has two parts named {name}")
        seen.add(name.casefold())
        if not info.is_dir():
            _judge_part(name, info, limits)
            found[name] = info
    _judge_overlap(infos)
    return found


def _name(info: zipfile.ZipInfo) -> str:
    raw = info.orig_filename
    steps = raw.rstrip("/").split("/")
    if "\0" in raw or "\\" in raw or ":" in steps[0] or raw.startswith("/"):
        raise unreadable(f"package has a part with a forbidden name, {raw[:100]!r}")
    if any(step in {"", ".", ".."} for step in steps):
        raise unreadable(f"package has a part whose name leads elsewhere, {raw[:100]!r}")
    return f"/{raw}"


def _judge_part(name: str, info: zipfile.ZipInfo, limits: Limits) -> None:
    if stat.S_ISLNK(info.external_attr >> 16):
        raise unreadable(f"package has a symbolic link, {name}")
    if info.flag_bits & 0x1:
        raise unreadable(f"package has an encrypted part, {name}")
    if info.file_size > limits.part:
        raise too_large(f"Part {name} unpacks to {info.file_size} bytes and {limits.part} are allowed")
    if info.file_size > _SMALL and info.file_size > limits.ratio * max(info.compress_size, 1):
        raise too_large(f"Part {name} unpacks to more than {limits.ratio} times its packed size")


def _judge_overlap(infos: list[zipfile.ZipInfo]) -> None:
    """Parts that share bytes unpack the same data many times over."""
    end = 0
    for info in sorted(infos, key=lambda i: i.header_offset):
        if info.header_offset < end:
            raise unreadable(f"package has parts that overlap, the second is {info.orig_filename[:100]!r}")
        end = info.header_offset + 30 + info.compress_size
