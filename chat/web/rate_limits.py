"""Rate limits for log-ins, registrations and API calls.

Limits against guessing count only wrong guesses. Each attempt is counted before it is checked;
otherwise a hundred simultaneous ones would all pass. It is uncounted afterwards unless it was
wrong. If MongoDB was down or the queue was full, the attempt was not checked and does not count.

The counters are those of ``chat.web.rate_counters``.
"""

import hashlib
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import NoReturn

from flask import Flask, Response, current_app, g, request
from flask_login import current_user
from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter

from chat.auth import known_browsers
from chat.errors import ChatError, Throttled
from chat.redis import scripts
from chat.request import client_address
from chat.request.handoff import of
from chat.text.validate import nickname_key
from chat.web.rate_counters import COUNT, PREFIX, DoorStorage
from chat.web.security import SAFE

OF_AN_ADDRESS = 10  # the limit for one address with any account, as a multiple
OF_AN_ACCOUNT = 5  # the limit for one account from any unknown browser, as a multiple
Count = tuple[RateLimitItem, tuple[str, ...]]


def init_app(app: Flask) -> None:
    """Create the limiter with counters in Redis."""
    app.extensions["chat_limits"] = FixedWindowRateLimiter(DoorStorage())


@contextmanager
def login_try(nickname: str) -> Iterator[None]:
    """Count an attempt to log in, if the block raises Invalid. Raises Throttled over the limit.

    A browser that was signed in to this account before has its own counter, so that others cannot
    use up its attempts. Other attempts have three counters, in this order: account and address,
    address, account. A refused attempt is not counted by the later ones, so that one address alone
    cannot use up the limit of an account.
    """
    with _guess(_login_counts(nickname)):
        yield


def _login_counts(nickname: str) -> list[Count]:
    limit, name = current_app.config["LIMIT_LOGIN"], "LIMIT_LOGIN"
    if browser := known_browsers.known_for(nickname):
        return [(_limit(limit), (name, "browser", browser))]
    account = hashlib.sha256(nickname_key(nickname).encode()).hexdigest()
    return [
        (_limit(limit), (name, "both", account, address())),
        (_limit(limit, OF_AN_ADDRESS), (name, "address", address())),
        (_limit(limit, OF_AN_ACCOUNT), (name, "account", account)),
    ]


@contextmanager
def password_try(session: str) -> Iterator[None]:
    """Count an attempt to confirm the password of a signed-in person, by session.

    So a thief of one session cannot stop the owner from changing the password in another session.
    """
    limit = _limit(current_app.config["LIMIT_LOGIN"])
    with _guess([(limit, ("LIMIT_LOGIN", "password", session))]):
        yield


@contextmanager
def register_try(right: str) -> Iterator[None]:
    """Count an attempt to register, by address.

    ``right``: "invite" with a valid invite, "open" if registration is open, else "": such a client
    can only be guessing invites. Each of the three has its own counter. With an invite a successful
    registration does not count, because a whole team may register at once.
    """
    limit = _limit(current_app.config["LIMIT_REGISTER"], OF_AN_ADDRESS if right else 1)
    with _guess([(limit, ("LIMIT_REGISTER", right, address()))], success_counts=right != "invite"):
        yield


@contextmanager
def _guess(counts: list[Count], success_counts: bool = False) -> Iterator[None]:
    """Count an attempt before it is checked. Uncount it unless it was refused as wrong.

    With ``success_counts`` a successful attempt stays counted, too.
    """
    for limit, who in counts:
        _count(limit, *who)
    try:
        yield
    except Exception as problem:
        if not isinstance(problem, ChatError) or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _give_back(counts)
        raise
    if not success_counts:
        _give_back(counts)


def limit_api() -> None:
    """Count an API call by person, else by known browser, else by address; for `before_request`."""
    limit = _limit(current_app.config["LIMIT_API"])
    who = ("LIMIT_API", current_user.id or known_browsers.known() or address())
    if not is_counted():
        _count(limit, *who)
    elif not within_api(g.get("api_count", 0)):
        _refuse(limit, *who)


def is_counted() -> bool:
    """Whether this call was counted already, by the response cache or by the prefetch."""
    passing = of(request.environ)
    return "api_count" in g or (passing is not None and passing.counted)


def counted(count: int) -> None:
    """Record the count of this call from the prefetch; ``limit_api`` compares it with the limit."""
    g.api_count = count


def api_call(user_id: str) -> scripts.Call:
    """The script call that counts one API call of a person, for a pipeline."""
    limit = _limit(current_app.config["LIMIT_API"])
    name = limit.key_for("LIMIT_API", user_id)
    return COUNT, [PREFIX + name], [1, limit.get_expiry()]


def within_api(count: int) -> bool:
    """Whether a count of API calls is within the limit."""
    return count <= _limit(current_app.config["LIMIT_API"]).amount


def limit_page_writes() -> None:
    """Count a submitted form like an API call; API calls are counted elsewhere."""
    if request.method not in SAFE and not request.path.startswith("/api/"):
        limit_api()


def address() -> str:
    """The client's network address; an IPv6 client counts as its /64 network."""
    return client_address.network(request.remote_addr or "unknown")


@lru_cache(maxsize=50)
def _limit(text: str, times: int = 1) -> RateLimitItem:
    """The limit of a setting, multiplied by ``times``."""
    limit = parse(text)
    return type(limit)(limit.amount * times, limit.multiples, limit.namespace)


def _count(limit: RateLimitItem, *who: str) -> None:
    limits: FixedWindowRateLimiter = current_app.extensions["chat_limits"]
    if not limits.hit(limit, *who):
        _refuse(limit, *who)


def _give_back(counts: list[Count]) -> None:
    storage: DoorStorage = current_app.extensions["chat_limits"].storage
    for limit, who in counts:
        storage.give_back(limit.key_for(*who))


def _refuse(limit: RateLimitItem, *who: str) -> NoReturn:
    limits: FixedWindowRateLimiter = current_app.extensions["chat_limits"]
    ends = limits.get_window_stats(limit, *who).reset_time
    g.retry_after = max(1, math.ceil(ends - time.time()))
    raise Throttled(retry_after=g.retry_after)


def say_when(response: Response) -> Response:
    if response.status_code == 429 and "retry_after" in g:
        response.headers["Retry-After"] = str(g.retry_after)
    return response
