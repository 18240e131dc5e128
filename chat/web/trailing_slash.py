"""Redirects an address with a superfluous slash at its end to the page without it."""

from flask import current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, NotFound

from chat.web.security import SAFE, safe_next


def without_slash() -> ResponseReturnValue | None:
    """A redirect to the address without the slash, if that is a page; else None."""
    if not isinstance(request.routing_exception, NotFound) or request.method not in SAFE:
        return None
    path = request.path.rstrip("/")
    if path == request.path or not safe_next(path) or not _is_page(path):
        return None
    there = request.full_path.removeprefix(request.path).rstrip("?")
    return redirect(request.root_path + path + there, code=301)


def _is_page(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    try:
        return adapter is not None and bool(adapter.match(path, method="GET"))
    except HTTPException:
        return False
