"""Password hashes: argon2id, in threads, a few at a time.

``known``: the caller is signed in, was signed in with this browser before, or has an invite. Known
callers go first. If too many wait already, a caller is refused (Crowded).
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
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# One processor stays free for the event loop and other processes.
_lanes = Lanes(max(1, min(3, _processors() - 1)))
RETRY_AFTER = 5  # seconds
LONGEST = PASSWORD_CHARACTERS[1]  # longer texts are refused without hashing


class PasswordCheck(NamedTuple):
    """The result of a check. ``outdated``: right, but the password must be hashed again."""

    right: bool
    outdated: bool


def hash_password(text: str, known: bool = True) -> str:
    """The hash to store for a password. Unicode is normalized, as keyboards compose differently."""
    hasher = _hasher()
    return _aside(lambda: hasher.hash(password_form(text)), known)


def verify_password(stored: str | None, text: str, known: bool = True) -> PasswordCheck:
    """Check a password. Without a stored hash it is wrong, and the check takes as long.

    Old hashes may be of the text without normalization, so that is tried as well.
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
    """The hasher for new hashes; cheap hashes are for tests only (CHEAP_PASSWORD_HASHES)."""
    cheap = has_app_context() and current_app.config.get("CHEAP_PASSWORD_HASHES")
    return ALMOST_NO_COST if cheap else FULL_COST


def _matches(stored: str, text: str) -> bool:
    try:
        return FULL_COST.verify(stored, text)  # at the cost that the hash names
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


@lru_cache(maxsize=2)
def _nobodys(hasher: PasswordHasher) -> str:
    """A dummy hash for unknown nicknames, so that their check takes as long."""
    return _aside(lambda: hasher.hash("nobody has this password"), known=True)


def _aside(work: Callable[[], T], known: bool) -> T:
    """Run ``work`` in gevent's thread pool, so that it does not block the event loop."""
    if not gevent.monkey.is_module_patched("threading"):
        return work()
    caller = (request.remote_addr if has_request_context() else None) or ""
    try:
        with turns.left(), _lanes.taken(client_address.network(caller), known):
            return gevent.get_hub().threadpool.apply(work)  # type: ignore[no-any-return]
    except QueueFull:
        raise Crowded(retry_after=RETRY_AFTER) from None
