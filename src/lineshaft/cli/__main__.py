"""`python -m lineshaft.cli`, the same as `lineshaft`."""

from . import main

main()
