"""Who may do what, who did it, and what threatens the plant.

In     nothing: everything else rests on it
Out    UserChanged, TokenChanged, DeviceChanged
Holds  users, sessions, tokens, devices and the audit log (table prefix security_)
Ask    Guard, Users, Sessions, Tokens, Devices; Security builds them all
"""

from .api import identifier, install, router
from .errors import (
    BadTopic,
    Busy,
    CrossSite,
    DeviceNotFound,
    LastAdmin,
    NameTaken,
    NotAllowed,
    SessionEnded,
    SessionNotFound,
    SignInFailed,
    TokenNotFound,
    TokenRefused,
    TooManyAttempts,
    UserNotFound,
    WeakPassword,
)
from .events import DeviceChanged, TokenChanged, UserChanged
from .model import (
    PLATFORM,
    AuditEntry,
    AuditFilter,
    Device,
    FirstLogin,
    Grant,
    NewDevice,
    NewToken,
    Outcome,
    Role,
    Session,
    SignedIn,
    Token,
    User,
    Verdict,
    Who,
    WhoKind,
)
from .service import Admit, Devices, Guard, Security, Sessions, Tokens, Users, local_admin
from .settings import SecuritySettings
from .worker import Caretaker, Doorkeeper

__all__ = [
    "PLATFORM",
    "Admit",
    "AuditEntry",
    "AuditFilter",
    "BadTopic",
    "Busy",
    "Caretaker",
    "CrossSite",
    "Device",
    "DeviceChanged",
    "DeviceNotFound",
    "Devices",
    "Doorkeeper",
    "FirstLogin",
    "Grant",
    "Guard",
    "LastAdmin",
    "NameTaken",
    "NewDevice",
    "NewToken",
    "NotAllowed",
    "Outcome",
    "Role",
    "Security",
    "SecuritySettings",
    "Session",
    "SessionEnded",
    "SessionNotFound",
    "Sessions",
    "SignInFailed",
    "SignedIn",
    "Token",
    "TokenChanged",
    "TokenNotFound",
    "TokenRefused",
    "Tokens",
    "TooManyAttempts",
    "User",
    "UserChanged",
    "UserNotFound",
    "Users",
    "Verdict",
    "WeakPassword",
    "Who",
    "WhoKind",
    "identifier",
    "install",
    "local_admin",
    "router",
]
