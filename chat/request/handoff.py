"""Carries facts about one request between the WSGI middleware and Flask, in its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEY = "chat.request.handoff"


@dataclass
class Passing:
    """What the response cache has done for this request before Flask, and the answer to store.

    ``counted``: the API call is counted already. ``session``: the answer of Redis for the session
    (``session_store.call``). ``same``: data keys whose version is confirmed. ``offer``: set by
    Flask if the answer may be stored, a ``chat.web.response_cache.store.Offer``.
    """

    counted: bool = False
    session: list[Any] | None = None
    same: dict[str, str] = field(default_factory=dict)
    offer: Any = None


def of(environ: Mapping[str, Any]) -> Passing | None:
    """The facts of this request; None if it did not come through the response cache."""
    return environ.get(KEY)
