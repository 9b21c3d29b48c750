"""Who did what, and what was refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from lineshaft.console import (
    Ask,
    Column,
    RangePicker,
    Rows,
    View,
    button,
    choice,
    dialog,
    download_button,
    facts,
    heading,
    mark,
    notice,
    page,
    row,
    section,
    stack,
    table,
    time_range,
)
from lineshaft.kernel.errors import Forbidden
from lineshaft.security.model import AuditEntry, AuditFilter, Outcome, Role, differences
from lineshaft.security.service import Guard
from lineshaft.security.service.ledger import as_csv

MOST_EXPORTED = 50_000
SPANS = {
    mark("24 h"): timedelta(days=1),
    mark("7 d"): timedelta(days=7),
    mark("30 d"): timedelta(days=30),
    mark("1 y"): timedelta(days=366),
}


@page("/settings/audit", title="Audit log", section="Settings", icon="fact_check", order=940, role=int(Role.ADMIN))
async def audit(view: View) -> None:
    """The audit log, filtered."""
    _Log(view).draw()


class _Log:
    """What of the log is looked at."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.guard = view.ask(Guard)
        self.outcome = ""
        self.text = ""
        self.known: dict[int, AuditEntry] = {}

    def draw(self) -> None:
        text = self.view.text
        heading(
            text("Audit log"),
            subtitle=text("Every change and every refusal. Nobody can alter it; each row seals the one before."),
            actions=self._actions,
        )
        self.answer = stack()
        with row(spread=True):
            outcomes = {"": text("Everything"), "done": text("Done"), "denied": text("Refused")}
            choice(outcomes, "", self._choose, label=text("Outcome"))
            self.picker = time_range(self._move, last=timedelta(days=7), spans=SPANS)
        with section(flush=True):
            self.table = table(
                [
                    Column("at", text("When"), kind="time", sortable=False),
                    Column("actor", text("Who"), sortable=False),
                    Column("outcome", text("Outcome"), sortable=False),
                    Column("action", text("What"), kind="code", sortable=False),
                    Column("subject", text("To what"), sortable=False, phone=False),
                    Column("origin", text("From where"), sortable=False, phone=False),
                ],
                key="seq",
                load=self._load,
                on_row=self._show,
                empty=(text("Nothing happened in this time"), text("Choose a longer time or another outcome.")),
            )

    def _actions(self) -> None:
        text = self.view.text
        button(text("Check the log"), self._check, symbol="verified")
        download_button(text("Export CSV"), self._export, "audit.csv", media_type="text/csv")

    @property
    def wanted(self) -> AuditFilter:
        span = self.picker.range
        outcome = Outcome(self.outcome) if self.outcome else None
        return AuditFilter(
            text=self.text, outcome=outcome, start=span.start, end=None if self.picker.live else span.end
        )

    async def _choose(self, outcome: str) -> None:
        self.outcome = outcome
        await self.table.reload()

    async def _move(self, _picker: RangePicker) -> None:
        await self.table.reload()

    async def _load(self, ask: Ask) -> Rows:
        self.text = ask.filter
        before = int(ask.after) if ask.after else None
        found = await self.guard.entries(self.view.who, self.wanted, before=before, limit=ask.limit)
        self.known |= {entry.seq: entry for entry in found}
        return Rows(rows=[self._row(e) for e in found], next=str(found[-1].seq) if len(found) == ask.limit else None)

    def _row(self, entry: AuditEntry) -> dict[str, Any]:
        return {
            "seq": entry.seq,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "outcome": self._outcome(entry),
            "origin": entry.origin,
        }

    def _outcome(self, entry: AuditEntry) -> str:
        text = self.view.text
        word = text("Done") if entry.outcome is Outcome.DONE else text("Refused")
        return text("{word}, {n} times", word=word, n=entry.count) if entry.count > 1 else word

    def _show(self, chosen: dict[str, Any]) -> None:
        """One row in full, with what it changed."""
        entry, text = self.known[chosen["seq"]], self.view.text
        with dialog(text("Row {n}", n=entry.seq), wide=True) as box:
            facts(
                [
                    (text("When"), self.view.moment(entry.at)),
                    (text("Who"), f"{entry.actor} ({entry.kind.value})"),
                    (text("From where"), entry.origin or "–"),
                    (text("What"), entry.action),
                    (text("To what"), entry.subject),
                    (text("Outcome"), self._outcome(entry)),
                    (text("Seal"), entry.hash[:16] + "…"),
                ]
            )
            changed = differences(entry.before, entry.after)
            if changed:
                table(
                    [Column("name", text("What")), Column("before", text("Before")), Column("after", text("After"))],
                    rows=[{"name": n, "before": _plain(b), "after": _plain(a)} for n, b, a in changed],
                    key="name",
                    filterable=False,
                )
            button(text("Close"), box.close, kind="primary")

    async def _check(self) -> None:
        text = self.view.text
        if not self.guard.allowed(self.view.who, Role.ADMIN, ""):
            raise Forbidden(
                "Only administrators of the whole platform check the whole log.", hint="Ask one of them to do it."
            )
        verdict = await self.guard.verify()
        self.answer.clear()
        with self.answer:
            if verdict.intact:
                notice("good", text("The log is intact: {n} rows follow from each other.", n=verdict.rows))
            else:
                message = text("The log was altered at row {n}.", n=verdict.broken_at)
                hint = text("Compare with your last export, keep a copy of the database and find out who had access.")
                notice("bad", message, hint=hint, cause=verdict.reason)

    async def _export(self) -> bytes:
        """The newest rows of what is shown; everything is at /api/v1/audit.csv."""
        pieces = []
        async for piece in as_csv(self.guard.every_entry(self.view.who, self.wanted)):
            pieces.append(piece)
            if len(pieces) > MOST_EXPORTED:
                break
        return "".join(pieces).encode("utf-8-sig")


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
