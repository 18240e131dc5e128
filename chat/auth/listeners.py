"""What the app wants to hear about callers: requests of a person, and ends of sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class SessionEnded(Protocol):
    """A callback for the end of a person's session."""

    def __call__(self, user_id: str, *, sid_hash: str) -> None: ...


@dataclass
class CallerListeners:
    """Callbacks: ``active`` for each request of a person, ``ended`` for an ended session."""

    active: Callable[[str], None] = lambda user_id: None
    ended: SessionEnded = lambda user_id, sid_hash: None


listeners = CallerListeners()
