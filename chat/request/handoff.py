"""Carries facts about one request between the WSGI middleware and Flask, in its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEY = "chat.request.handoff"


@dataclass
class Passing:
    """What has been done for this request before Flask saw it, and what Flask made of it."""

    counted: bool = False  # the call has been counted already
    session: list[Any] | None = None  # as Redis has just said (``session_store.call``)
    same: dict[str, str] = field(default_factory=dict)  # data keys with the version they still have
    offer: Any = None  # a ``chat.web.response_cache.store.Offer``: may be given again


def of(environ: Mapping[str, Any]) -> Passing | None:
    """About this request; None where nothing stood before Flask."""
    return environ.get(KEY)
