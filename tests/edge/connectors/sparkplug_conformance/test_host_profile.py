"""The 89 assertions of the official kit's host profile, each judged on packets recorded on the wire.

One session is played per broker and MQTT version: connect, a false STATE, births, commands to a node
and a device, a gap that is filled and one that is not, deaths, a cut connection, a clean stop. The
checks then look at what the recording proxy saw, and at what came out of the connector.
"""

from __future__ import annotations

import pytest

from . import commands, nodes, session
from .judging import CHECKS, MORE
from .playing import Evidence

JUDGES = (commands, nodes, session)
"""Importing them registers their checks."""


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_tck_id(evidence: Evidence, name: str) -> None:
    CHECKS[name](evidence)


@pytest.mark.parametrize("name", sorted(MORE))
def test_tck_id_of_the_monitor(evidence: Evidence, name: str) -> None:
    MORE[name](evidence)


def test_all_89_ids_of_the_host_profile_are_judged() -> None:
    assert len(CHECKS) == 89
