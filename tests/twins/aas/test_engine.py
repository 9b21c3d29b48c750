"""The four public suites of `aas_test_engines` 1.0.3 against a running server, with a token: 388 of 388 checks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aas_test_engines import api, config, http
from aas_test_engines.result import AasTestResult

from .conftest import A, S, Served

PREFIX = "https://admin-shell.io/aas/API/3/0/"
SUITES = [
    ("T01", "AssetAdministrationShellRepositoryServiceSpecification/SSP-002", "", 34, 78),
    ("T02", "SubmodelRepositoryServiceSpecification/SSP-002", "", 32, 74),
    ("T03", "AssetAdministrationShellServiceSpecification/SSP-002", f"/one/{A}", 28, 66),
    ("T04", "SubmodelServiceSpecification/SSP-002", f"/one/{S}", 17, 59),
]


def failures(result: AasTestResult, path: tuple[str, ...] = ()) -> list[str]:
    """Every check that failed or warned, with the way to it."""
    here = (*path, result.message[:60])
    own = [] if result.ok() or result.sub_results else [" > ".join(path) + " | " + result.message[:200]]
    return own + [line for below in result.sub_results for line in failures(below, here)]


def ask(url: str, token: str, suite: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, AasTestResult]:
    """Run one suite. The engine keeps `additional_headers` but never sends them, so they are added here."""
    send = http.requests.request

    def signed(**said: Any) -> Any:
        said["headers"] = {**(said.get("headers") or {}), "Authorization": f"Bearer {token}"}
        return send(**said)

    monkeypatch.setattr(http.requests, "request", signed)
    result, counts = api.execute_tests(http.HttpClient(host=url), config.CheckApiConfig(suite=PREFIX + suite))
    return counts, result


@pytest.mark.parametrize(("case", "suite", "below", "negative", "positive"), SUITES, ids=[s[0] for s in SUITES])
async def test_t01_to_t04_every_check_of_the_suite_passes(
    served: Served, monkeypatch: pytest.MonkeyPatch, case: str, suite: str, below: str, negative: int, positive: int
) -> None:
    counts, result = await asyncio.to_thread(ask, f"{served.url}/api/v3.0{below}", served.viewer, suite, monkeypatch)
    assert failures(result) == []
    assert (counts.invalid_rejected, counts.invalid_accepted) == (negative, 0)
    assert (counts.valid_accepted, counts.valid_rejected) == (positive, 0)


def test_the_suites_have_388_checks() -> None:
    assert sum(negative + positive for *_, negative, positive in SUITES) == 388
