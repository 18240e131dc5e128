"""Password hashes: argon2id, off the event loop, a few at a time."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import gevent
import gevent.monkey
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from gevent.lock import BoundedSemaphore

from chat.turns import turns

T = TypeVar("T")

# OWASP's minimum: 19 MiB and two rounds, about 20 ms. Three at once stay under 60 MiB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turns = BoundedSemaphore(3)
LONGEST = 1024  # characters; more would only make us work


def hash_password(text: str) -> str:
    """What to store for a password."""
    return _aside(lambda: _hasher.hash(text))


def verify_password(stored: str | None, text: str) -> bool:
    """Whether the password is right. Without a stored hash it takes as long, and is wrong."""
    known = stored or _nobodys()
    right = _aside(lambda: _matches(known, text[:LONGEST]))
    return right and stored is not None and len(text) <= LONGEST


def _matches(stored: str, text: str) -> bool:
    try:
        return _hasher.verify(stored, text)
    except (Argon2Error, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """A hash that belongs to no one, for nicknames that belong to no one."""
    return hash_password("nobody has this password")


def _aside(work: Callable[[], T]) -> T:
    """Run in gevent's thread pool: in the loop it would stop everybody for these milliseconds."""
    if not gevent.monkey.is_module_patched("threading"):
        return work()
    with turns.left(), _turns:
        return gevent.get_hub().threadpool.apply(work)  # type: ignore[no-any-return]
