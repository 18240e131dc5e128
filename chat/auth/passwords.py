"""Password hashes: argon2id, off the event loop, a few at a time.

``known``: whoever asks is signed in, was signed in with this browser before, or was invited. They
go first; and when too many wait already the others are told to come later (Crowded).
"""

import os
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

import gevent
import gevent.monkey
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from flask import current_app, has_app_context, has_request_context, request

from chat.auth.password_queue import Lanes, QueueFull
from chat.errors import Crowded
from chat.request import client_address
from chat.request.concurrency import turns
from chat.text.validate import PASSWORD_CHARACTERS, password_form

T = TypeVar("T")

# OWASP's minimum: 19 MiB and two rounds, about 20 ms. Three at once stay under 60 MiB.
FULL_COST = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
ALMOST_NO_COST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def _processors() -> int:
    """How many this process may use; not every system says."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# One processor is left for everybody else.
_lanes = Lanes(max(1, min(3, _processors() - 1)))
RETRY_AFTER = 5  # seconds
LONGEST = PASSWORD_CHARACTERS[1]  # more would only make us work


class PasswordCheck(NamedTuple):
    """What a look at a password found. ``outdated``: right, but to be hashed and stored anew."""

    right: bool
    outdated: bool


def hash_password(text: str, known: bool = True) -> str:
    """What to store for a password, however the keyboard composed its letters."""
    hasher = _hasher()
    return _aside(lambda: hasher.hash(password_form(text)), known)


def verify_password(stored: str | None, text: str, known: bool = True) -> PasswordCheck:
    """Whether the password is right. Without a stored hash it takes as long, and is wrong.

    Hashes of before may be of the text as it was typed, so that is tried as well.
    """
    if len(text) > LONGEST:
        return PasswordCheck(False, False)
    hasher = _hasher()
    digest, form = stored or _nobodys(hasher), password_form(text)
    for each in dict.fromkeys((form, text)):
        if _aside(partial(_matches, digest, each), known) and stored is not None:
            return PasswordCheck(True, each != form or hasher.check_needs_rehash(digest))
    return PasswordCheck(False, False)


def _hasher() -> PasswordHasher:
    """What makes new hashes. Only tests of other things have cheap ones (CHEAP_PASSWORD_HASHES)."""
    cheap = has_app_context() and current_app.config.get("CHEAP_PASSWORD_HASHES")
    return ALMOST_NO_COST if cheap else FULL_COST


def _matches(stored: str, text: str) -> bool:
    try:
        return FULL_COST.verify(stored, text)  # at the cost that the hash names
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


@lru_cache(maxsize=2)
def _nobodys(hasher: PasswordHasher) -> str:
    """A hash that belongs to no one, for nicknames that belong to no one."""
    return _aside(lambda: hasher.hash("nobody has this password"), known=True)


def _aside(work: Callable[[], T], known: bool) -> T:
    """Run in gevent's thread pool: in the loop it would stop everybody for these milliseconds."""
    if not gevent.monkey.is_module_patched("threading"):
        return work()
    caller = (request.remote_addr if has_request_context() else None) or ""
    try:
        with turns.left(), _lanes.taken(client_address.network(caller), known):
            return gevent.get_hub().threadpool.apply(work)  # type: ignore[no-any-return]
    except QueueFull:
        raise Crowded(retry_after=RETRY_AFTER) from None
