"""What was typed into a form that could not be taken: shown again, so that it is not lost.

A form may be refused before its own page can say so: its token has expired, the session has ended,
there were too many requests, the channel is gone. Whatever the reason, the page that says so shows
what was typed, and where trying again makes sense it can be sent from there.
"""

from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException

from chat.realtime.incoming.origins import checker
from chat.web.security import safe_next

# What people type, under the names that the forms give it. Never a password.
TYPED = {
    "text": _l("Message"),
    "name": _l("Name"),
    "topic": _l("Topic"),
    "status": _l("Status"),
    "nickname": _l("Nickname"),
    "site_name": _l("Site name"),
}
PREFIX = "again."  # of the fields that go through the log-in
MOST = 60  # fields; a form of ours has fewer, apart from the choice of people


@dataclass(frozen=True)
class Typed:
    """Where the form goes, and its fields: (name, label, value). Without a label it is hidden."""

    path: str
    fields: list[tuple[str, Any, str]]

    @property
    def shown(self) -> bool:
        """Whether there is anything that would be lost."""
        return any(label and value.strip() for _name, label, value in self.fields)


def typed() -> Typed | None:
    """What this request's form brought, if it has something to lose; None otherwise."""
    if request.method != "POST" or not _from_here():
        return None
    try:
        return _of(request.path, list(request.form.items(multi=True)))
    except HTTPException:  # it cannot be read: that is what the page is about
        return None


def carried() -> Typed | None:
    """What came along through the log-in; None where another site filled the form in: our page
    would offer its fields for sending, with a token of ours."""
    path = safe_next(request.form.get("again"))
    if not path or not _from_here():
        return None
    fields = [
        (name.removeprefix(PREFIX), value)
        for name, value in request.form.items(multi=True)
        if name.startswith(PREFIX)
    ]
    return _of(path, fields)


def _of(path: str, fields: list[tuple[str, str]]) -> Typed | None:
    kept = [
        (name, TYPED.get(name), value)
        for name, value in fields[:MOST]
        if name != "csrf_token" and "password" not in name and not name.startswith("again")
    ]
    found = Typed(path, kept)
    return found if found.shown else None


def _from_here() -> bool:
    """Whether a page of ours sent this: what another site filled in is not offered for sending."""
    origin = request.headers.get("Origin")
    return origin is None or checker(current_app)(origin, request.environ)
