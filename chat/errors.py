"""What can go wrong in ways a person should be told about.

Services and access checks raise these; each front door turns them into its own answer: the API
into RFC 9457 problem details, pages into an error page or the form again, sockets into
``{"ok": false, "error": name, "detail": text}``. Nothing else catches them.
"""

from typing import Any

from flask_babel import lazy_gettext as _l


class ChatError(Exception):
    """Base of all answers that are not success. ``detail`` is for people, already translatable."""

    status = 500
    name = "server"
    title = _l("Something went wrong")
    field = ""  # the form field at fault, where there is one

    def __init__(self, detail: Any = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra


class BadInput(ChatError):
    """The request cannot be read: wrong type, missing field, broken JSON."""

    status, name, title = 400, "bad_input", _l("The request could not be understood")


class Unauthenticated(ChatError):
    """Nobody is signed in."""

    status, name, title = 401, "unauthenticated", _l("Please log in")


class Forbidden(ChatError):
    """The caller may know that the thing exists, but may not do this."""

    status, name, title = 403, "forbidden", _l("You can't do this")


class FormExpired(Forbidden):
    """The form was made for another session, or by another site."""

    name = "form_expired"


class NotFound(ChatError):
    """There is no such thing, or the caller may not know that there is."""

    status, name, title = 404, "not_found", _l("There is nothing here")


class Conflict(ChatError):
    """Somebody or something else was there first."""

    status, name, title = 409, "conflict", _l("This is no longer possible")


class TooLarge(ChatError):
    """More than this server takes in one request."""

    status, name, title = 413, "too_large", _l("That's too large")


class Invalid(ChatError):
    """Readable, but not acceptable; ``field`` names the form field at fault."""

    status, name, title = 422, "invalid", _l("Check what you entered")

    def __init__(self, detail: Any = None, field: str = "", **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.field = field


class Throttled(ChatError):
    """Too many tries; ``retry_after`` seconds, when known, is in ``extra``."""

    status, name, title = 429, "throttled", _l("Too many attempts. Please wait a moment")


class Crowded(Throttled):
    """Too many others do the same right now; nothing was looked at, and nothing counts."""

    status, name = 503, "busy"
    title = _l("Too many people are logging in right now. Try again in a few seconds")


class Unavailable(ChatError):
    """A part we cannot do without is away; nothing was changed."""

    status, name, title = 503, "unavailable", _l("The chat is not available right now")


class Uncertain(Unavailable):
    """The same, but what was asked for may have been done. Nobody may be told that it was not."""

    def __init__(self) -> None:
        super().__init__(
            _l("It is not known whether this was saved. "
               "Look whether it is there, or send it again.")
        )  # fmt: skip
