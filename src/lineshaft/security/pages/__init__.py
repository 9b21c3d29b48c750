"""The screens of security: signing in, one's own account, users, tokens, devices and the audit log."""

from . import account, audit, devices, sign_in, tokens, user, users

__all__ = ["account", "audit", "devices", "sign_in", "tokens", "user", "users"]
