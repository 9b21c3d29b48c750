"""Digital product passports as views of submodels, for the public and for those who may see more (IDTA 02099-1)."""

from .access import Tier, shown
from .carrier import product_code
from .passport import Passport, granularity_of, metadata_submodel, passport_of, product_of

__all__ = [
    "Passport",
    "Tier",
    "granularity_of",
    "metadata_submodel",
    "passport_of",
    "product_code",
    "product_of",
    "shown",
]
