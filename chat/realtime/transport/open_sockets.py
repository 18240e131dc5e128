"""The registry of open sockets in this process, by socket id and by person."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "/"


@dataclass(eq=False, slots=True)
class OpenSocket:
    """One open socket. Person and session are set at the handshake and never change."""

    sid: str
    eio_sid: str
    user_id: str
    session_id: str  # to check whether the session still exists; never logged or sent
    session_hash: str
    session: Any
    environ: dict[str, Any]
    auth_gen: int
    viewing: set[str] = field(default_factory=set)  # public channels opened without membership
    stale: bool = False  # a membership changed while rooms were being joined
    has_asked: bool = False  # whether its first `channel:open` has come
    checked: float = 0.0  # the monotonic time of the last check
    strikes: deque[float] | None = None  # the monotonic times when it was throttled


_by_sid: dict[str, OpenSocket] = {}
_by_user: dict[str, dict[str, OpenSocket]] = {}


def add(connection: OpenSocket) -> None:
    _by_sid[connection.sid] = connection
    _by_user.setdefault(connection.user_id, {})[connection.sid] = connection


def remove(sid: str) -> OpenSocket | None:
    connection = _by_sid.pop(sid, None)
    if connection:
        own = _by_user.get(connection.user_id, {})
        own.pop(sid, None)
        if not own:
            _by_user.pop(connection.user_id, None)
    return connection


def get(sid: str) -> OpenSocket | None:
    return _by_sid.get(sid)


def of_user(user_id: str) -> list[OpenSocket]:
    return list(_by_user.get(user_id, {}).values())


def everyone() -> list[OpenSocket]:
    return list(_by_sid.values())


def users() -> Iterable[str]:
    return list(_by_user)
