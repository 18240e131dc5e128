"""What pages share about forms: what was typed, what was wrong with it, and where to go next."""

from collections.abc import Callable
from typing import Any

from flask import Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from chat.errors import ChatError, Conflict, Forbidden, Invalid, Throttled
from chat.text import integers

# Mistakes that show the form again; anything else becomes an error page.
MISTAKES = (Invalid, Conflict, Forbidden, Throttled)


# The forms of people who are not signed in, by endpoint: how each shows itself when it has expired.
ENTRANCES: dict[str | None, Callable[[ChatError], ResponseReturnValue]] = {}


def typed(*names: str) -> dict[str, str]:
    """The named fields of the form, as typed; never ask for a password here."""
    return {name: request.form.get(name, "") for name in names}


MOST_TYPED = 80  # characters of a name that is looked for


def query_text(name: str) -> str:
    """What is looked for, from the address or a form that keeps it."""
    return request.values.get(name, "")[:MOST_TYPED]


def page_number(name: str = "page") -> int:
    """The wanted page of a list; 1 without one. The list finds the nearest that there is."""
    return request.values.get(name, 1, type=integers.nearest)


def errors_of(problem: ChatError | None) -> dict[str, str]:
    """The reason beside the field at fault, or beside the whole form."""
    if problem is None:
        return {}
    return {getattr(problem, "field", "") or "form": str(problem.detail)}


def page(template: str, problem: ChatError | None = None, **values: Any) -> tuple[str, int, dict]:
    """A page; with a problem it is the form again, under the problem's own status."""
    values.setdefault("form", {})
    html = render_template(template, errors=errors_of(problem), **values)
    seconds = problem.extra.get("retry_after") if problem else None
    headers = {} if seconds is None else {"Retry-After": str(int(seconds) + 1)}
    return html, problem.status if problem else 200, headers


def ask(heading: str, text: str, button: str, back: str, **fields: str) -> str:
    """A page that asks once; its form goes to this very address."""
    return render_template(
        "layout/ask.html", heading=heading, text=text, button=button, back=back, fields=fields
    )


def see(target: str) -> Response:
    """Redirect after a POST, so that reloading does not send it again."""
    response = redirect(target, code=303)
    assert isinstance(response, Response)
    return response
