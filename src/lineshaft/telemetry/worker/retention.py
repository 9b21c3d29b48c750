"""Forgets what is older than its rule says, once a day.

A rule counts full days (UTC): the day that has just become too old is kept one day longer, in which its
late samples are refused already. So no bucket is ever computed anew from rows of which some are gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from lineshaft.kernel.clock import MICROS, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import in_thread
from lineshaft.telemetry.model import glob
from lineshaft.telemetry.settings import RetentionRule, TelemetrySettings
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.forgetting import forget_partitions, forget_rows
from lineshaft.telemetry.store.series import every_series

log = get_log("telemetry")
DAY_S = 86_400
_LOOK_EVERY_S = 600.0
_FIELDS = {0: "raw", 1: "seconds", 60: "minutes", 3600: "hours"}


class Retention:
    """Carries out the rules of the settings."""

    def __init__(
        self,
        engine: Engine,
        db: Database,
        settings: TelemetrySettings,
        *,
        clock_us: Callable[[], int] = now_us,
    ) -> None:
        self._engine = engine
        self._db = db
        self._settings = settings
        self._clock_us = clock_us
        self._done = -1

    def kept_from(self, path: str) -> int:
        """The time (µs) before which samples of a path are refused; 0 when all are kept."""
        rule = rule_for(self._settings.retention, path)
        return 0 if rule is None or rule.raw is None else (self._today() - rule.raw) * DAY_S * MICROS

    async def run(self) -> None:
        """Look every ten minutes whether a new day has come."""
        while True:
            if self._settings.retention and self._today() != self._done:
                today = self._today()
                await self.carry_out()
                self._done = today
            await asyncio.sleep(_LOOK_EVERY_S)

    async def carry_out(self) -> None:
        """Delete everything that is too old now."""
        rules = self._settings.retention
        groups = await self._groups()
        for level, name in _FIELDS.items():
            days = [getattr(rule, name) for rule in rules]
            if None not in days and any(rule.pattern == "**" for rule in rules):
                dropped = await in_thread(forget_partitions, self._engine, level, self._before(max(days)))
                if dropped:
                    log.info("old samples are forgotten", what=name, partitions=dropped)
            for rule, series in groups:
                await self._forget(level, name, rule, series)

    async def _forget(self, level: int, name: str, rule: RetentionRule, series: Sequence[int] | None) -> None:
        days = getattr(rule, name)
        if days is None or series == ():
            return
        if await in_thread(forget_rows, self._engine, level, series, self._before(days)):
            log.info("old samples are forgotten", what=name, rule=rule.pattern, days=days)

    async def _groups(self) -> list[tuple[RetentionRule, Sequence[int] | None]]:
        """Every rule with the series for which it is the first that fits; None stands for all series."""
        rules = self._settings.retention
        if rules[0].pattern == "**":
            return [(rules[0], None)]
        groups: dict[int, list[int]] = {id(rule): [] for rule in rules}
        for number, path in await every_series(self._db):
            rule = rule_for(rules, path)
            if rule is not None:
                groups[id(rule)].append(number)
        return [(rule, tuple(groups[id(rule)])) for rule in rules]

    def _today(self) -> int:
        return self._clock_us() // (DAY_S * MICROS)

    def _before(self, days: int) -> int:
        return (self._today() - days - 1) * DAY_S


def rule_for(rules: Sequence[RetentionRule], path: str) -> RetentionRule | None:
    """The first rule that fits a series."""
    return next((rule for rule in rules if glob(rule.pattern).fullmatch(path)), None)
