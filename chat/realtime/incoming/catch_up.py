"""Limits the answers to ``channel:open``: one at a time for each person, none to a slow reader.

Such an answer is as big as a page of history. A person with twenty sockets may ask for one on
each of them, and all unread bytes stay in the memory of this process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from flask_babel import lazy_gettext as _l
from gevent.lock import BoundedSemaphore

from chat.errors import Throttled
from chat.realtime.transport import open_sockets, socketio
from chat.request.concurrency import turns

MOST_UNREAD = 256 * 1024  # bytes that may wait for all sockets of a person
PATIENCE = 5.0  # seconds; after that a waiting request is refused (Throttled)

_locks: WeakValueDictionary[str, BoundedSemaphore] = WeakValueDictionary()


@contextmanager
def alone(user_id: str) -> Iterator[None]:
    """Wait until no other such answer for this person is in progress.

    Raises Throttled if that takes longer than PATIENCE, or if too many bytes wait for the person's
    sockets. Browsers then try again.
    """
    lock = _locks.setdefault(user_id, BoundedSemaphore(1))
    if not lock.acquire(blocking=False):
        with turns.left():
            if not lock.acquire(timeout=PATIENCE):
                raise _busy()
    try:
        if unread_bytes(user_id) > MOST_UNREAD:
            raise _busy()
        yield
    finally:
        lock.release()


def unread_bytes(user_id: str) -> int:
    """The number of bytes in this process that wait for the sockets of a person."""
    lines = socketio.server.eio.sockets
    found = (lines.get(connection.eio_sid) for connection in open_sockets.of_user(user_id))
    return sum(line.waiting_bytes for line in found if line)


def _busy() -> Throttled:
    return Throttled(_l("Too much is waiting to be read here. Try again in a moment."))
