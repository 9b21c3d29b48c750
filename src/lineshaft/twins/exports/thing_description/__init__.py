"""Asset Interfaces Descriptions (IDTA 02017-1-1) as W3C Thing Descriptions 1.1, and back.

    interface ─▶ thing        properties ─▶ property affordances      forms ─▶ one form
    EndpointMetadata ─▶ base, security, securityDefinitions

What AAS has and a Thing Description has no term for is written with the prefix `aid:`; protocol terms change only
their separator (`modv_function` is `modv:function`). The losses are found by reading the things back and comparing.
"""

from .comparing import export
from .rebuilding import submodels_of

__all__ = ["export", "submodels_of"]
