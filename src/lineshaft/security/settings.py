"""What users may set about signing in."""

from __future__ import annotations

from pydantic import Field

from lineshaft.kernel.config import Section


class SecuritySettings(Section):
    """People, sessions and passwords."""

    session_idle_h: float = Field(default=12.0, gt=0)
    """A session ends after this many hours without a request; an open page counts as use."""
    session_most_h: float = Field(default=168.0, gt=0)
    """A session ends after this many hours in any case."""
    password_least: int = Field(default=12, ge=8, le=64)
    """Fewest characters of a password."""
    sign_ins_at_once: int = Field(default=0, ge=0)
    """Passwords checked at the same time, each 19 MiB and one core; 0 leaves one core for everything else."""
    sign_ins_waiting: int = Field(default=500, ge=1)
    """Sign-ins that may queue before newcomers are asked to try again."""
