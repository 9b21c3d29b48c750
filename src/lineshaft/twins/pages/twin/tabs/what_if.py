"""What-if: models beside the machine, and runs over what was with something altered."""

from __future__ import annotations

from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.pages.what_if import WhatIf


@tab("what-if", title="What-if", order=70, fits=lambda twin: twin.of_the_tree)
async def what_if(twin: Opened) -> None:
    """The models of a machine of the plant."""
    await WhatIf(twin.view, twin.document.place).draw()
