"""AAS files over HTTP: sent to a place in the plant, with a report of what was wrong in them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, UploadFile
from pydantic import BaseModel

from lineshaft.kernel.http import caller
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Who
from lineshaft.twins.service import Received, Receiving

Caller = Annotated[Who, Depends(caller)]
_CHUNK = 1 << 20


class FindingOut(BaseModel):
    """One thing that is not as the metamodel says."""

    constraint: str
    path: str
    message: str
    value: str
    left_out: bool


class ReceivedOut(BaseModel):
    """What a file brought, and what was wrong in it; `findings` holds the first thousand of `total`."""

    form: str
    version: str
    created: int
    replaced: int
    skipped: int
    elements: int
    files: int
    refused: list[str]
    total: int
    findings: list[FindingOut]

    @classmethod
    def of(cls, received: Received) -> ReceivedOut:
        taken, report = received.taken, received.report
        names = ("constraint", "path", "message", "value", "left_out")
        return cls(
            form=received.form,
            version=received.version,
            created=taken.created,
            replaced=taken.replaced,
            skipped=taken.skipped,
            elements=taken.elements,
            files=taken.files,
            refused=list(taken.refused),
            total=report.total,
            findings=[FindingOut(**{name: getattr(f, name) for name in names}) for f in report.findings],
        )


def router(receiving: Receiving) -> APIRouter:
    """The routes of files, below /api/v1."""
    api = APIRouter(prefix="/twins", tags=["twins"])

    @api.post("/files", status_code=201)
    async def receive(
        who: Caller,
        file: UploadFile,
        place: Annotated[PlantPath, Query()],
        replace: bool = False,
        strict: bool = False,
    ) -> ReceivedOut:
        """Take in an AASX, JSON or XML file of AAS metamodel 3.0 or 3.1; `strict` refuses one with any fault."""
        with tempfile.NamedTemporaryFile(suffix=Path(file.filename or "").suffix[:8]) as kept:
            while chunk := await file.read(_CHUNK):
                kept.write(chunk)
            kept.flush()
            found = await receiving.receive(who, Path(kept.name), place=place, replace=replace, strict=strict)
        return ReceivedOut.of(found)

    return api
