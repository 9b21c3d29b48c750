"""Machines in three dimensions: a glTF model with named parts, or plain bodies on a floor; live and in greys.

    plant = scene(
        [Body(id="filler", label="Filler", form="carousel", x=0, z=0, width=3, depth=3, height=2.8)],
        flows=[("filler", "capper")], label=view.text("Line 1"), on_pick=show,
    )
    plant.paint({"filler": "running", "capper": "alarm"})      # colour is only for what is the matter

    scene(model="/api/v1/scenes/model?path=…", label=…)        # parts are the model's nodes, by name

Put a list of the same parts beside it: not everybody sees a picture, and not every browser draws one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nicegui.elements.scene import Scene as Drawn

from . import theme
from .display import label_of, look_of
from .language import mark
from .live import Live
from .view import guarded, text

WORDS = {
    "missing": mark("This browser cannot draw in three dimensions. The list beside has everything."),
    "failed": mark("The model could not be shown."),
    "loading": mark("Loading …"),
    "left": mark("Turn left"),
    "right": mark("Turn right"),
    "in": mark("Zoom in"),
    "out": mark("Zoom out"),
    "fit": mark("Show everything"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A machine as a plain body, sizes in metres, its middle at (x, z), turned by degrees.

    form: box, tank, drum, belt, gate, carousel, robot or post.
    """

    id: str
    label: str
    form: str = "box"
    x: float = 0.0
    z: float = 0.0
    turn: float = 0.0
    width: float = 2.0
    depth: float = 1.6
    height: float = 1.8


class Scene(Live, component="assets/ls_scene.js"):
    """A picture whose parts are painted by their state and can be picked."""

    def paint(self, states: Mapping[str, str]) -> None:
        """The state of each part by its id, as badges have it; parts left out are well."""
        view = self.view
        drawn = {part: {"look": look_of(state), "label": label_of(state, view)} for part, state in states.items()}
        self.patch(states=drawn)

    def select(self, part: str) -> None:
        """Mark a part without calling back."""
        self.patch(selected=part)

    def arrange(self, bodies: Sequence[Body], flows: Sequence[tuple[str, str]] = ()) -> None:
        """Show other bodies."""
        self.patch(solids=[asdict(one) for one in bodies], flows=[list(pair) for pair in flows])


def scene(
    bodies: Sequence[Body] = (),
    *,
    model: str = "",
    flows: Sequence[tuple[str, str]] = (),
    on_pick: Callable[[str], object] | None = None,
    label: str = "",
    height: str = "large",
) -> Scene:
    """A picture in three dimensions; see the module. height is medium or large."""
    made = Scene(
        solids=[asdict(one) for one in bodies],
        flows=[list(pair) for pair in flows],
        model=model,
        states={},
        selected="",
        label=label,
        height=height,
        base=f"{theme.BASE}/{theme.version()}",
        words={key: text(word) for key, word in WORDS.items()},
    )

    def picked(event: Any) -> object:
        made.select(str(event.args))
        return on_pick(str(event.args)) if on_pick else None

    made.on("pick", guarded(picked))
    return made


SCENE_LIBRARY = Drawn
"""Importing it registers the browser module the component draws with."""
