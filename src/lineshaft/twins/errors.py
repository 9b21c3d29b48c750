"""What can go wrong with twins.

Invalid      BadTwin       what was said about a twin or a type contradicts itself
             BadDocument   a shell, submodel or other document breaks the metamodel
             BadPicture    a process picture contradicts itself
             BadFile       a file is not what it says it is, or is made to do harm
             FileTooLarge  a file asks for more room or time than the settings allow (413)
NotFound     NoTwin        there is no twin at that path
             NoType        there is no asset type of that name
             NoChange      there is no such change to undo
             NoDocument    there is no such shell, submodel or other document
             NoFile        nothing is attached there
             NoInvocation  no operation was invoked under that handle
             NoRelation    no such relation begins at that twin
             NoPicture     there is no such process picture
             NoModel       the twin carries no mechanism model of that name
             NoScenario    no what-if run is kept under that id
             Forgotten     (410) history does not go back that far
Forbidden    NotSettable   a property is measured and cannot be set
Conflict     Interlocked   something must hold before this is written, and does not
             Taken         another twin has that path, or another type that name
             Outdated      somebody else changed it meanwhile; both versions are named
             Superseded    a later change stands in the way of an undo
             TakenId       another document has that id
             Stale         (412) the document has changed since it was read
             Clashing      two people changed the same element; nothing was written
             Behind        (410) a reader of the feed comes too late for its next line
             Scrapped      the twin was scrapped; nothing of it is changed any more
             Sealed        a life-cycle record is only ever added to
             Ambiguous     several shells have a passport of one product
             Cyclic        a thing is, through its parts, a part of itself
Unavailable  NoHandler     (501) no machine is behind an operation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lineshaft.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable


class BadTwin(Invalid):
    """What was said about a twin or a type contradicts itself."""

    code = "twins.invalid"


class NoTwin(NotFound):
    """There is no twin at that path."""

    code = "twins.not_found"
    default_hint = "Look it up on the plant model page, or create it first."


class NoType(NotFound):
    """There is no asset type of that name."""

    code = "twins.type_not_found"
    default_hint = "Look at the list of types and templates."


class NoChange(NotFound):
    """There is no such change to undo."""

    code = "twins.change_not_found"


class NoRelation(NotFound):
    """No such relation begins at that twin."""

    code = "twins.relation_not_found"
    default_hint = "Look at the relations of the twin."


class NoModel(NotFound):
    """The twin carries no mechanism model of that name."""

    code = "twins.model_not_found"
    default_hint = "Look at the models of the twin."


class NoScenario(NotFound):
    """No what-if run is kept under that id, or the caller may not know of it."""

    code = "twins.scenario_not_found"
    default_hint = "Look at the kept runs of the twin."


class NoPicture(NotFound):
    """There is no such process picture, or the caller may not know of it."""

    code = "twins.picture_not_found"
    default_hint = "Look at the list of pictures."


class BadPicture(Invalid):
    """A process picture contradicts itself; nothing was written."""

    code = "twins.picture_invalid"


class Taken(Conflict):
    """Another twin has that path, or another type that name."""

    code = "twins.taken"


class Outdated(Conflict):
    """Somebody else changed it since it was read; nothing was written."""

    code = "twins.outdated"
    default_hint = "Load it again and repeat your change."


class Superseded(Conflict):
    """Something changed after the change that should be undone."""

    code = "twins.superseded"
    default_hint = "Undo the later change first."


class NoDocument(NotFound):
    """There is no such shell, submodel or other document, or the caller may not know of it."""

    code = "twins.document_not_found"
    default_hint = "List what there is, or create it first."


class NoFile(NotFound):
    """Nothing is attached there."""

    code = "twins.file_not_found"
    default_hint = "Upload a file first."


class BadDocument(Invalid):
    """A document breaks the metamodel; `findings` (metamodel.checking.Finding) say where and why."""

    code = "twins.bad_document"
    default_hint = "Nothing was written. Correct what is named and send it again."

    def __init__(self, message: str, *, findings: Sequence[Any] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(findings)


class TakenId(Conflict):
    """Another document has that id."""

    code = "twins.id_taken"
    default_hint = "Replace that one with PUT, or choose another id."


class Ambiguous(Conflict):
    """Several shells have an active passport of one product, and nobody said which of them it is."""

    code = "twins.ambiguous"
    default_hint = "Give the right shell the asset id uniqueProductIdentifier in discovery, or end the other passport."


class Stale(Conflict):
    """The document has changed since the caller read it; nothing was written."""

    code = "twins.stale"
    status = 412
    default_hint = "Read it again and repeat the change."


class Clashing(Conflict):
    """Two people changed the same element; nothing was written. `paths` in the details name them."""

    code = "twins.clashing"
    default_hint = "Save again to put yours in its place, or leave it to keep theirs."


class NotSettable(Forbidden):
    """A property is measured and cannot be set."""

    code = "twins.not_settable"
    default_hint = "Mark the property writable in its type, when the machine lets it be set."


class Interlocked(Conflict):
    """Something must hold before this may be written, and does not; nothing was written."""

    code = "twins.interlocked"
    default_hint = "Bring the machine into that state first."


class Behind(Conflict):
    """The next line of a reader of the feed is no longer kept; `after` is where the feed begins."""

    code = "twins.feed_behind"
    status = 410
    default_hint = "Read everything anew, then go on after the newest line."


class Forgotten(NotFound):
    """History does not go back that far."""

    code = "twins.history_forgotten"
    status = 410
    default_hint = "Ask for a later moment, or look into an export made before."


class Scrapped(Conflict):
    """The twin was scrapped; nothing of it is changed any more."""

    code = "twins.scrapped"
    default_hint = "An administrator can reinstate it in its life-cycle record."


class Sealed(Conflict):
    """A life-cycle record is only ever added to."""

    code = "twins.record_sealed"
    default_hint = "Add an entry that tells what is true."


class Cyclic(Conflict):
    """A thing is, through its parts, a part of itself."""

    code = "twins.cyclic"
    default_hint = "Take one of these parts out of its whole."


class NoInvocation(NotFound):
    """No operation was invoked under that handle."""

    code = "twins.invocation_not_found"
    default_hint = "A handle is kept until an hour after the operation ended."


class NoHandler(Unavailable):
    """No machine is behind an operation."""

    code = "twins.operation_without_machine"
    status = 501
    default_hint = "Bind the operation to a connection first."


class BadFile(Invalid):
    """A file is not what it says it is, or is made to do harm; `findings` (files.Finding) when it was read strictly."""

    code = "twins.file_invalid"

    def __init__(self, message: str, *, findings: Sequence[Any] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(findings)


class FileTooLarge(BadFile):
    """A file asks for more room or time than the settings allow."""

    code = "twins.file_too_large"
    status = 413
