"""Shows an attached file: what it is called, what it looks like when it is a picture, and a way to open it."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .actions import button, dialog, hand_over
from .inputs import upload
from .layout import element, icon, stack
from .view import guarded, here, text

PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
            "svg": "image/svg+xml"}  # fmt: skip
"""Files shown as pictures, by the end of their names. In an image element nothing of them can run."""
MOST_SHOWN = 4 << 20
"""Bytes of a picture that is shown; a larger one is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that is attached, or chosen just now: then it brings its `content`."""

    name: str
    load: Callable[[], Awaitable[bytes]]
    content: bytes | None = None

    @property
    def picture(self) -> str:
        """The media type of a picture; empty for any other file."""
        return PICTURES.get(self.name.rpartition(".")[2].lower(), "")


def attached(file: Attached, label: str = "") -> Any:
    """A file with its picture and its name, which opens it: `attached(Attached(name="logo.png", load=read))`."""

    async def open_() -> None:
        hand_over(await file.load(), file.name)

    with element("div", "ls-attached") as made:
        place = element("div", "ls-attached-view", aria_hidden="true")
        with place:
            icon("image" if file.picture else "picture_as_pdf" if file.name.lower().endswith(".pdf") else "draft")
        with element("div", "ls-attached-name"):
            if label:
                element("span", "ls-muted", content=label)
            opener = element(
                "button", "ls-link", content=file.name, type="button", title=text("Open {name}", name=file.name)
            )
            opener.on("click", guarded(open_), args=[])
    if file.picture:
        here().soon(lambda: _show(file, place))
    return made


async def _show(file: Attached, place: Any) -> None:
    content = await file.load()
    if len(content) > MOST_SHOWN or place.is_deleted:
        return
    source = f"data:{file.picture};base64,{base64.b64encode(content).decode()}"
    place.clear()
    with place:
        element("img", "ls-attached-picture", src=source, alt=file.name)


class FileBox:
    """The control of a field of kind `file`: a file that is attached, or the address of one that lies elsewhere."""

    def __init__(
        self, label: str, value: Attached | str | None, *, most_mb: int, control: Callable[[str], Any]
    ) -> None:
        self._label, self._most_mb, self._control = label, most_mb, control
        self._file = value if isinstance(value, Attached) else None
        self._address: Any = None
        self._place = stack(tight=True)
        self._draw(value if isinstance(value, str) else "")

    @property
    def value(self) -> Attached | str | None:
        """The file, or the address that was entered."""
        return self._file if self._file is not None else self._address.value

    @value.setter
    def value(self, value: Attached | str | None) -> None:
        self._file = value if isinstance(value, Attached) else None
        self._draw(value if isinstance(value, str) else "")

    def _draw(self, address: str) -> None:
        self._place.clear()
        with self._place:
            if self._file is None:
                self._address = self._control(address)
            else:
                attached(self._file)
            with element("div", "ls-row"):
                known = self._file is not None
                button(
                    text("Replace") if known else text("Attach a file"), self._ask, symbol="attach_file", kind="quiet"
                )
                if known:
                    button(text("Remove"), self._remove, symbol="delete", kind="quiet")

    def _remove(self) -> None:
        self.value = None

    def _ask(self) -> None:
        with dialog(self._label) as box:

            async def take(name: str, content: bytes) -> None:
                async def load() -> bytes:
                    return content

                box.close()
                self.value = Attached(name=name, load=load, content=content)

            upload(text("Drop the file here, or choose it"), take, most_mb=self._most_mb)
