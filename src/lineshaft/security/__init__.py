"""Who may do what, who did it, and what threatens the plant.

In     nothing: everything else rests on it
Out    nothing yet
Holds  users, sessions, tokens, devices and the audit log (table prefix security_)
Ask    Guard
"""

from .errors import NotAllowed
from .model import PLATFORM, AuditEntry, AuditFilter, Grant, Outcome, Role, Verdict, Who, WhoKind
from .service import Guard

__all__ = [
    "PLATFORM",
    "AuditEntry",
    "AuditFilter",
    "Grant",
    "Guard",
    "NotAllowed",
    "Outcome",
    "Role",
    "Verdict",
    "Who",
    "WhoKind",
]
