"""What can be asked about people and permissions, and done about them."""

from __future__ import annotations

from dataclasses import dataclass

from lineshaft.kernel.db import Database
from lineshaft.security.settings import SecuritySettings

from .devices import Admit, Devices
from .guard import Guard
from .local import local_admin
from .passwords import Passwords, suggested
from .sessions import Sessions, nobody
from .standings import Standings
from .tokens import Tokens
from .users import Users

__all__ = [
    "Admit",
    "Devices",
    "Guard",
    "Passwords",
    "Security",
    "Sessions",
    "Standings",
    "Tokens",
    "Users",
    "local_admin",
    "nobody",
    "suggested",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """The services of this context, built together because they share one memory of who is who."""

    guard: Guard
    users: Users
    sessions: Sessions
    tokens: Tokens
    devices: Devices
    standings: Standings

    @classmethod
    def over(
        cls,
        db: Database,
        settings: SecuritySettings | None = None,
        *,
        admit: Admit | None = None,
        mqtt: str = "127.0.0.1:1883",
    ) -> Security:
        """Build everything over an open catalogue; `admit` tells the MQTT server at `mqtt` who may connect."""
        settings = settings or SecuritySettings()
        standings = Standings(db, settings)
        guard, passwords = Guard(db, standings), Passwords(settings)
        return cls(
            guard=guard,
            users=Users(db, guard, passwords),
            sessions=Sessions(db, guard, passwords, settings),
            tokens=Tokens(db, guard),
            devices=Devices(db, guard, admit, server=mqtt),
            standings=standings,
        )
