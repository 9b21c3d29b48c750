"""3D: the model of a twin, or a layout of the machines below it, coloured by state."""

from __future__ import annotations

from lineshaft.twins.pages.scene import SceneScreen
from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab


@tab("3d", title="3D", order=75, fits=lambda twin: twin.of_the_tree)
async def scene(twin: Opened) -> None:
    """A place or machine of the plant."""
    await SceneScreen(twin.view, twin.document.place).draw()
