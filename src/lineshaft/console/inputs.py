"""Lets people choose outside of forms: search boxes, segments, chips and time ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from lineshaft.kernel.terms import TimeRange

from .language import mark
from .layout import element
from .live import Live
from .view import guarded, here, text

SPANS: Mapping[str, timedelta] = {
    mark("15 min"): timedelta(minutes=15),
    mark("1 h"): timedelta(hours=1),
    mark("8 h"): timedelta(hours=8),
    mark("24 h"): timedelta(hours=24),
    mark("7 d"): timedelta(days=7),
    mark("30 d"): timedelta(days=30),
}
"""The spans people ask for."""


class Choice(Live, component="assets/ls_choice.js"):
    """One or several of a few options, all visible."""

    @property
    def value(self) -> Any:
        """The chosen option, or the list of them."""
        chosen = list(self.state["chosen"])
        return chosen if self.state["multiple"] else (chosen[0] if chosen else None)

    def set(self, value: Any) -> None:
        """Choose without calling back."""
        self.patch(chosen=list(value) if self.state["multiple"] else [value])


def choice(
    options: Mapping[str, str],
    value: str,
    on_change: Callable[[str], object] | None = None,
    *,
    label: str = "",
    named: bool = False,
) -> Choice:
    """One of a few, side by side: `choice({"mean": "Mean", "max": "Maximum"}, "mean", changed)`.

    `named` shows the label in front, for choices that stand among others.
    """
    if not named:
        return _choice(options, [value], on_change, multiple=False, look="segments", label=label)
    with element("div", "ls-choice"):
        element("span", "ls-muted", content=label, aria_hidden="true")
        return _choice(options, [value], on_change, multiple=False, look="segments", label=label)


def chips(
    options: Mapping[str, str] | Sequence[str],
    value: Sequence[str] = (),
    on_change: Callable[[list[str]], object] | None = None,
    *,
    label: str = "",
) -> Choice:
    """Filters that can be on together: `chips(["running", "stopped"], [], changed)`; none on means all."""
    named = options if isinstance(options, Mapping) else {o: o for o in options}
    return _choice(named, value, on_change, multiple=True, look="chips", label=label)


def _choice(
    options: Mapping[str, str],
    value: Sequence[str],
    on_change: Callable[..., object] | None,
    *,
    multiple: bool,
    look: str,
    label: str,
) -> Choice:
    made = Choice(
        options=[{"value": v, "label": name} for v, name in options.items()],
        chosen=list(value),
        multiple=multiple,
        look=look,
        label=label,
    )

    def chosen(event: Any) -> object:
        made.state["chosen"] = list(event.args)
        return on_change(made.value) if on_change else None

    made.on("choose", guarded(chosen))
    return made


def search_box(placeholder: str, on_change: Callable[[str], object]) -> ui.input:
    """A field that calls back 250 ms after the last key."""
    box = ui.input(placeholder=placeholder).props(f'outlined dense clearable debounce=250 aria-label="{placeholder}"')
    box.classes("ls-input ls-search-box")
    box.on_value_change(guarded(lambda event: on_change(event.value or "")))
    return box


class RangePicker(Live, component="assets/ls_range.js"):
    """What span of time is looked at."""

    @property
    def live(self) -> bool:
        """Whether the span ends now and moves on."""
        return self.state["last"] is not None

    @property
    def range(self) -> TimeRange:
        """The span, as of now when it is a moving one."""
        if self.state["last"] is not None:
            return TimeRange.last(timedelta(seconds=self.state["last"]))
        return TimeRange(start=_moment(self.state["start"]), end=_moment(self.state["end"]))

    def set(self, chosen: TimeRange | timedelta) -> None:
        """Show another span without calling back, after the viewer has zoomed for instance."""
        self.patch(**_span_state(chosen))


def _moment(millis: float) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _span_state(chosen: TimeRange | timedelta) -> dict[str, Any]:
    if isinstance(chosen, timedelta):
        return {"last": chosen.total_seconds(), "start": None, "end": None}
    return {"last": None, "start": chosen.start.timestamp() * 1000, "end": chosen.end.timestamp() * 1000}


def time_range(
    on_change: Callable[[RangePicker], object],
    *,
    last: timedelta = timedelta(hours=1),
    spans: Mapping[str, timedelta] = SPANS,
) -> RangePicker:
    """Buttons for the usual spans and two fields for any other, in the viewer's zone.

    picker = time_range(lambda p: chart.show(p.range, live=p.live), last=timedelta(hours=8))
    """
    made = RangePicker(
        spans=[{"label": text(name), "seconds": span.total_seconds()} for name, span in spans.items()],
        zone=str(here().timezone),
        words={"custom": text("Custom"), "from": text("From"), "to": text("To"), "apply": text("Apply"),
               "order": text("The end lies before the start."), "label": text("Time range")},
        **_span_state(last),
    )  # fmt: skip

    def chosen(event: Any) -> object:
        made.state.update(event.args)
        return on_change(made)

    made.on("choose", guarded(chosen))
    return made


def post_form(
    action: str,
    fields: Sequence[tuple[str, str, str]],
    *,
    submit: str,
    problem: str = "",
    hidden: Mapping[str, str] | None = None,
) -> None:
    """A form the browser posts itself, for pages that set cookies; fields are (name, label, input type).

    post_form("/sign-in", [("user", "User", "text"), ("password", "Password", "password")], submit="Sign in")
    """
    with element("form", "ls-stack", method="post", action=action):
        if problem:
            element("p", "ls-problem", content=problem, role="alert")
        for name, value in (hidden or {}).items():
            element("input", type="hidden", name=name, value=value)
        for position, (name, label, kind) in enumerate(fields):
            with element("label", "ls-field"):
                element("span", "ls-label", content=label)
                entry = element("input", "ls-native", type=kind, name=name, required="required",
                                autocomplete=_autocomplete(name, kind))  # fmt: skip
                if position == 0:
                    entry.props["autofocus"] = True
        element("button", "ls-button", "ls-primary", "ls-wide", content=submit, type="submit")


def _autocomplete(name: str, kind: str) -> str:
    return "current-password" if kind == "password" else "username" if name in ("user", "username", "name") else "off"


def upload(label: str, on_file: Callable[[str, bytes], object], *, accept: str = "", most_mb: int = 64) -> ui.upload:
    """A place to drop or choose one file; `on_file` gets its name and content once it has arrived.

    upload(view.text("Drop an AASX file here"), take_in, accept=".aasx,.json,.xml")
    """

    async def arrived(event: Any) -> None:
        content = await event.file.read()
        made.reset()
        call = guarded(on_file, event.file.name, content)
        if call is not None:
            await call()

    def refused() -> None:
        here().toast(text("The file is too large: at most {most} MB.", most=most_mb), kind="bad")

    made = ui.upload(label=label, auto_upload=True, max_file_size=most_mb << 20, on_rejected=refused)
    made.on_upload(arrived)
    return made.props(f'accept="{accept}"' if accept else "").classes("ls-upload")
