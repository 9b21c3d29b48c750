"""The page everybody starts on."""

from __future__ import annotations

from lineshaft.console import View, mark, page, plain_page, post_form

REASONS = {
    "security.sign_in_failed": mark("The name or the password is wrong."),
    "security.too_many_attempts": mark("Sign-in has failed too often. Wait {wait} s, then try again."),
    "security.busy": mark("Too many people sign in at this moment. Try again in a few seconds."),
}


@page("/sign-in", title="Sign in", public=True, plain=True)
def sign_in(view: View, failed: str = "", wait: int = 0, ended: int = 0, next: str = "/") -> None:  # noqa: A002
    """Name and password; after it, where the visitor wanted to go."""
    problem = view.text(REASONS[failed], wait=wait) if failed in REASONS else ""
    if ended and not problem:
        problem = view.text("Your session has ended. Sign in to go on where you were.")
    with plain_page(view.text("Sign in"), subtitle="Lineshaft"):
        post_form(
            "/sign-in",
            [("user", view.text("User name"), "text"), ("password", view.text("Password"), "password")],
            submit=view.text("Sign in"),
            problem=problem,
            hidden={"next": next},
        )
