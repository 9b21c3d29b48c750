"""How a twin looks in three dimensions: a model whose parts are bound to properties, and where its machines stand."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadTwin

MOST_BOUND = 1_000
MOST_SPOTS = 1_000
FARTHEST_M = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the middle of a machine stands on the floor, in metres, and how it is turned, in degrees."""

    x: float
    z: float
    turn: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The look of a twin. Paths are relative to the twin, so that it may move.

    `bindings` say which properties a part of the model stands for, `spots` where machines below the twin stand
    that are not where the generated layout would put them.
    """

    digest: str = ""
    """Of the model that was uploaded; empty without one."""
    file: str = ""
    """What its file was called."""
    bindings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    spots: dict[str, Spot] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneVersion:
    """A scene as it once was."""

    scene: Scene
    at_us: int
    by: str


def check_scene(scene: Scene) -> Scene:
    """The scene itself, or BadTwin saying what cannot be."""
    if len(scene.bindings) > MOST_BOUND or len(scene.spots) > MOST_SPOTS:
        raise BadTwin(
            f"The scene binds {len(scene.bindings)} parts and places {len(scene.spots)} machines.",
            hint=f"At most {MOST_BOUND} parts and {MOST_SPOTS} machines are possible.",
        )
    for part, properties in scene.bindings.items():
        if not 0 < len(part) <= 200:
            raise BadTwin(f"A part name has {len(part)} letters.", hint="Use the names of the model's nodes.")
        for told in properties:
            PlantPath.parse(f"twin/{told}")
    for told, spot in scene.spots.items():
        PlantPath.parse(f"twin/{told}")
        if not all(math.isfinite(n) and abs(n) <= FARTHEST_M for n in (spot.x, spot.z, spot.turn)):
            raise BadTwin(f"{told} would stand at x {spot.x:g} m, z {spot.z:g} m.", hint="Stay within 10 km.")
    return scene


def guessed(parts: Iterable[str], properties: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Bindings that the names suggest: `Bearing_Temperature.001` is bearing-temperature."""
    by_word = {_word(name.rsplit("/", 1)[-1]): name for name in properties}
    found: dict[str, tuple[str, ...]] = {}
    for part in parts:
        if (name := by_word.get(_word(re.sub(r"\.\d+$", "", part)))) is not None:
            found[part] = (name,)
    return dict(list(found.items())[:MOST_BOUND])


def _word(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
