"""Forms that explain themselves: from a pydantic model or a list of fields.

    form(ModbusSettings, values=saved, on_submit=save, submit=view.text("Save"))

    async def save(values: dict[str, Any]) -> None:
        await view.ask(Connections).change(view.who, id, **values)     # Invalid with details field=… lands there

Every field has a label, a help text and, when it is wrong, a sentence below it. A model's own checks run
before `on_submit`; secrets are never sent back to the browser.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nicegui import ui
from nicegui.element import Element
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from lineshaft.kernel.errors import Invalid

from .actions import button
from .filing import FileBox
from .language import mark
from .layout import element
from .texts import Texts
from .view import guarded, here, text

SpanUnit = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "ms": 0.001}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to enter. kind: text, long, number, integer, switch, select, secret, duration, list, date,
    texts (one text by language) or file (an Attached, or the address of a file).
    """

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    value: Any = None
    options: Mapping[Any, str] = field(default_factory=dict)
    required: bool = False
    unit: str = ""
    placeholder: str = ""
    advanced: bool = False
    """Folded away under "More settings"."""
    most_mb: int = 64
    """Of a file."""


def fields_of(model: type[BaseModel], *, only: Sequence[str] = (), advanced: Sequence[str] = ()) -> list[Field]:
    """Fields of a pydantic model: kinds from the types, labels from titles or names, help from descriptions.

    Settings that are models themselves are left out; `values` of the form keeps them as they are.
    """
    return [
        _field_of(name, info, advanced=name in advanced)
        for name, info in model.model_fields.items()
        if (not only or name in only) and not _nested(info.annotation)
    ]


def _nested(annotation: Any) -> bool:
    """Whether a field holds whole models, which no single control can enter."""
    inside = get_args(annotation) or (annotation,)
    return any(isinstance(one, type) and issubclass(one, BaseModel) for one in inside)


def _field_of(name: str, info: FieldInfo, *, advanced: bool) -> Field:
    kind, options = _kind(info.annotation)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    words, unit = _label(name)
    return Field(
        name=name,
        label=text(info.title or words),
        kind=kind,
        help=here().said(" ".join(info.description.split())).replace("`", "") if info.description else "",
        value=default,
        options=options,
        required=info.is_required(),
        unit=unit,
        placeholder=str(info.examples[0]) if info.examples else "",
        advanced=advanced,
    )


SHORT = {"url": "URL", "pki": "PKI", "tls": "TLS", "ca": "CA", "qos": "QoS", "id": "ID", "mqtt": "MQTT"}
"""Parts of names that are not written like words."""


def _label(name: str) -> tuple[str, str]:
    """`timeout_s` is the label "Timeout" with the unit s."""
    head, _, tail = name.rpartition("_")
    known = {"s": "s", "ms": "ms", "kpa": "kPa", "gb": "GB", "mb": "MB"}
    words, unit = (head, known[tail]) if head and tail in known else (name, "")
    label = " ".join(SHORT.get(word, word) for word in words.split("_"))
    return label[:1].upper() + label[1:], unit


def _kind(annotation: Any) -> tuple[str, dict[Any, str]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _kind(next(a for a in get_args(annotation) if a is not type(None)))
    if origin is Literal:
        return "select", {value: text(str(value)) for value in get_args(annotation)}
    if origin in (list, tuple, set, frozenset):
        return "list", {}
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return "select", {m.value: text(str(m.value).replace("_", " ").capitalize()) for m in annotation}
        simple = (("switch", bool), ("integer", int), ("number", float), ("secret", SecretStr), ("duration", timedelta))
        return next((kind for kind, known in simple if issubclass(annotation, known)), "text"), {}
    return "text", {}


class Form:
    """A form on screen: `values`, `problem(field, sentence)`, `submit()`."""

    def __init__(self, fields: Sequence[Field], values: Mapping[str, Any], model: type[BaseModel] | None) -> None:
        self.fields = {f.name: f for f in fields}
        self._model = model
        self._beside = {n for n in self.fields if model is not None and n not in model.model_fields}
        """Fields the page asks for beside those of the model."""
        self._inputs: dict[str, Any] = {}
        self._problems: dict[str, Element] = {}
        self._on_submit: Callable[[dict[str, Any]], object] | None = None
        self._kept = {name: values[name] for name in values if name not in self.fields}
        self._draw([f for f in fields if not f.advanced], values)
        folded = [f for f in fields if f.advanced]
        if folded:
            with element("details", "ls-more"):
                element("summary", content=text("More settings"))
                self._draw(folded, values)
        self._whole = element("p", "ls-problem", content="", role="alert")

    def _draw(self, fields: Sequence[Field], values: Mapping[str, Any]) -> None:
        with element("div", "ls-fields"):
            for one in fields:
                self._draw_one(one, values.get(one.name, one.value))

    def _draw_one(self, one: Field, value: Any) -> None:
        with element("div", "ls-field", "ls-field-switch" if one.kind == "switch" else ""):
            if one.kind != "switch":
                with element("div", "ls-label"):
                    element("span", content=one.label)
                    if not one.required and one.kind != "select" and _shown(one, value) in (None, ""):
                        element("span", "ls-optional", content=text("optional"))
            self._inputs[one.name] = _input(one, value)
            if one.help:
                element("p", "ls-help", content=one.help)
            self._problems[one.name] = element("p", "ls-problem", content="", role="alert")

    @property
    def values(self) -> dict[str, Any]:
        """What is entered now, as plain values; secrets left empty are not among them."""
        entered = {name: _entered(self.fields[name], control) for name, control in self._inputs.items()}
        return self._kept | {n: v for n, v in entered.items() if not (self.fields[n].kind == "secret" and not v)}

    def set(self, **values: Any) -> None:
        """Fill fields from the program."""
        for name, value in values.items():
            self._inputs[name].value = _shown(self.fields[name], value)

    def problem(self, name: str, sentence: str) -> None:
        """Write a sentence below a field, or below all when no field is to blame; an empty one takes it away."""
        self._problems.get(name, self._whole).set(sentence)
        if sentence:
            self._whole.client.run_javascript("lineshaft.problem()")

    def refuse(self, error: Invalid) -> None:
        """Write what a service found wrong below its fields: `fields` of the error's details, or its one `field`."""
        said = here().said
        fields = error.details.get("fields")
        if isinstance(fields, dict):
            for name, sentence in fields.items():
                self.problem(str(name), said(str(sentence)))
        else:
            self.problem(str(error.details.get("field", "")), f"{said(error.message)} {said(error.hint)}".strip())

    def check(self) -> dict[str, Any] | None:
        """The values when they pass, None after writing a sentence below each field that is wrong."""
        for name in ("", *self._problems):
            self.problem(name, "")
        values = self.values
        missing = [n for n, f in self.fields.items() if f.required and values.get(n) in (None, "")]
        for name in missing:
            self.problem(name, text("This is needed."))
        broken = [n for n, f in self.fields.items() if f.kind == "integer" and isinstance(values.get(n), float)]
        for name in broken:
            self.problem(name, text("Enter a whole number."))
        if missing or broken:
            return None
        return self._checked(values) if self._model else values

    def _checked(self, values: dict[str, Any]) -> dict[str, Any] | None:
        assert self._model is not None
        given = {n: v for n, v in values.items() if v is not None or n not in self.fields}
        try:
            self._model.model_validate({n: v for n, v in given.items() if n not in self._beside})
        except ValidationError as error:
            self.blame(error)
            return None
        return given

    def blame(self, error: ValidationError) -> None:
        """Write what a model found wrong below the fields."""
        for found in error.errors():
            self.problem(str(found["loc"][0]) if found["loc"] else "", sentence_of(found))

    async def submit(self) -> None:
        """Check, hand over, and put an Invalid back below its field."""
        values = self.check()
        if values is None or self._on_submit is None:
            return
        try:
            done = self._on_submit(values)
            if inspect.isawaitable(done):
                await done
        except Invalid as error:
            self.refuse(error)


SENTENCES = {
    "missing": mark("This is needed."),
    "int_parsing": mark("Enter a whole number."),
    "int_from_float": mark("Enter a whole number."),
    "int_type": mark("Enter a whole number."),
    "float_parsing": mark("Enter a number."),
    "float_type": mark("Enter a number."),
    "greater_than_equal": mark("Enter {ge} or more."),
    "greater_than": mark("Enter more than {gt}."),
    "less_than_equal": mark("Enter {le} or less."),
    "less_than": mark("Enter less than {lt}."),
    "string_too_short": mark("Enter at least {min_length} characters."),
    "string_too_long": mark("Enter at most {max_length} characters."),
    "time_delta_parsing": mark("Enter a time such as 10 s or 5 min."),
    "literal_error": mark("Choose one of the options."),
    "enum": mark("Choose one of the options."),
}
"""Our words for what a model found wrong; what is not listed speaks in the model's own."""


def sentence_of(found: Any) -> str:
    """One finding of a model as a sentence in the viewer's language."""
    known = SENTENCES.get(found["type"])
    if known is not None:
        return text(known, **found.get("ctx", {}))
    message = here().said(found["msg"].removeprefix("Value error, "))
    return f"{message[:1].upper()}{message[1:]}" + ("" if message.endswith((".", "。")) else ".")


def form(
    source: type[BaseModel] | Sequence[Field],
    *,
    values: Mapping[str, Any] | None = None,
    on_submit: Callable[[dict[str, Any]], object] | None = None,
    submit: str = "",
    on_cancel: Callable[[], object] | None = None,
    only: Sequence[str] = (),
    advanced: Sequence[str] = (),
    model: type[BaseModel] | None = None,
) -> Form:
    """A form; see the module. Without `on_submit` it has no buttons, and the page reads `form.check()` itself.

    `model` checks what is entered in a list of fields that were made from it, and perhaps others beside.
    """
    if isinstance(source, type):
        model, source = source, fields_of(source, only=only, advanced=advanced)
    fields = list(source)
    with element("div", "ls-form"):
        made = Form(fields, values or {}, model)
        made._on_submit = on_submit
        if on_submit is not None:
            for name, control in made._inputs.items():
                if made.fields[name].kind not in ("long", "select", "switch", "texts"):
                    control.on("keydown.enter", guarded(made.submit), args=[])
            with element("div", "ls-form-actions"):
                button(submit or text("Save"), made.submit, kind="primary")
                if on_cancel is not None:
                    button(text("Cancel"), on_cancel, kind="quiet")
    return made


def _input(one: Field, value: Any) -> Any:
    shown = _shown(one, value)
    props = f'outlined dense hide-bottom-space aria-label="{one.label}"'
    if one.kind == "texts":
        return Texts(one.name, one.label, value or {})
    if one.kind == "file":
        return FileBox(one.label, value, most_mb=one.most_mb, control=lambda address: _typed(one, address, props))
    if one.kind == "switch":
        control: Any = ui.switch(one.label, value=bool(shown)).props("dense")
    elif one.kind == "select":
        control = ui.select(dict(one.options), value=shown).props(f"{props} options-dense")
    elif one.kind in ("number", "integer"):
        control = ui.number(value=shown, placeholder=one.placeholder, step=1 if one.kind == "integer" else None)
        control.props(props)
    elif one.kind == "long":
        control = ui.textarea(value=shown, placeholder=one.placeholder).props(f"{props} autogrow")
    else:
        return _typed(one, shown, props + (' type="date"' if one.kind == "date" else ""))
    return _marked(one, control)


def _typed(one: Field, shown: Any, props: str) -> Any:
    secret = one.kind == "secret"
    control = ui.input(
        value=shown, placeholder=one.placeholder or _example(one), password=secret, password_toggle_button=secret
    )
    return _marked(one, control.props(props))


def _marked(one: Field, control: Any) -> Any:
    if one.unit and one.kind != "switch":
        control.props(f'suffix="{one.unit}"')
    return control.classes("ls-input").mark(f"field-{one.name}")


def _example(one: Field) -> str:
    return {"duration": "10 s, 5 min, 2 h", "list": "a, b, c", "file": "https://…"}.get(one.kind, "")


def _shown(one: Field, value: Any) -> Any:
    """A value as the control holds it."""
    if one.kind == "secret":
        return ""
    if one.kind == "duration":
        return _span_text(value)
    if one.kind == "list":
        return ", ".join(str(v) for v in value or ())
    if isinstance(value, Enum):
        return value.value
    if one.kind == "select":
        return value if value in one.options else next(iter(one.options), None)
    return str(value) if isinstance(value, Path | SecretStr) else value


def _entered(one: Field, control: Any) -> Any:
    value = control.value
    if isinstance(value, str):
        value = value.strip()
    if one.kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if one.kind == "duration":
        return _span(value) if value else None
    if one.kind == "list":
        return [part.strip() for part in (value or "").split(",") if part.strip()]
    return None if value == "" and one.kind in ("number", "integer") else value


def _span_text(value: Any) -> str:
    if value in (None, ""):
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    unit = next((u for u in ("d", "h", "min", "s") if seconds >= SpanUnit[u] and seconds % SpanUnit[u] == 0), None)
    unit = unit or ("s" if seconds >= 1 else "ms")
    return f"{seconds / SpanUnit[unit]:g} {unit}"


def _span(entered: str) -> timedelta | str:
    """The span written as `10 s`; text that is none is handed on, so that the model names what is wrong."""
    number, _, unit = entered.replace(",", ".").partition(" ")
    if not unit:
        digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
        number, unit = digits, number[len(digits) :] or "s"
    try:
        return timedelta(seconds=float(number) * SpanUnit[unit.strip()])
    except (ValueError, KeyError):
        return entered
