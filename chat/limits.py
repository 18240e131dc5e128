"""How often one may try: log-ins, registrations, API calls.

The counters are in Redis, so that all processes count together; without Redis each process counts
for itself. Never slower than the door: a Redis that hangs costs one short time-out, then nothing.
"""

import hashlib
import ipaddress
import math
import time
from functools import lru_cache
from typing import NoReturn

from flask import Flask, Response, current_app, g, request
from flask_login import current_user
from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from chat.errors import Throttled
from chat.extensions import redis
from chat.passing import of
from chat.redis import DOWN, Down, scripts
from chat.security import SAFE
from chat.text import nickname_key

PREFIX = "limit:"
TIDY_EVERY = 60  # seconds

# One script, so that no counter is left without an end. KEYS counter; ARGV amount, seconds.
COUNT = """
local n = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return n
"""


class Counters:
    """Counts of this process that end by themselves, whatever the time of day is said to be."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}  # key → so many, until
        self._tidy_at = 0.0

    def add(self, key: str, seconds: int, amount: int) -> int:
        """Count; the first count decides when it ends."""
        self._tidy()
        count, until = self._counts.get(key, (0, 0.0))
        if self.left(key) <= 0:
            count, until = 0, time.monotonic() + seconds
        self._counts[key] = (count + amount, until)
        return count + amount

    def get(self, key: str) -> int:
        """How many."""
        return self._counts[key][0] if self.left(key) > 0 else 0

    def left(self, key: str) -> float:
        """Seconds until it ends."""
        return max(0.0, self._counts.get(key, (0, 0.0))[1] - time.monotonic())

    def clear(self, key: str) -> None:
        """Forget one."""
        self._counts.pop(key, None)

    def reset(self) -> int:
        """Forget all; how many there were."""
        count = len(self._counts)
        self._counts.clear()
        return count

    def _tidy(self) -> None:
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_EVERY
            for key in [key for key, (_, until) in self._counts.items() if until <= now]:
                del self._counts[key]


class DoorStorage(Storage):
    """Counters behind the door, and in memory while it is shut."""

    STORAGE_SCHEME = ["chat-door"]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: object) -> None:
        super().__init__(uri, wrap_exceptions)
        self._memory = Counters()

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count = redis.run(COUNT, [PREFIX + key], [amount, expiry], "limit")
        return self._memory.add(key, expiry, amount) if count is DOWN else int(count)

    def get(self, key: str) -> int:
        count = redis.call(lambda client: client.get(PREFIX + key), "limit")
        return self._memory.get(key) if count is DOWN else int(count or 0)  # type: ignore[arg-type]

    def get_expiry(self, key: str) -> float:
        left = redis.call(lambda client: client.pttl(PREFIX + key), "limit")
        if isinstance(left, Down):
            return time.time() + self._memory.left(key)
        return time.time() + max(0, left) / 1000

    def check(self) -> bool:
        return True  # it always counts, somewhere

    def reset(self) -> int | None:
        return self._memory.reset()

    def clear(self, key: str) -> None:
        self._memory.clear(key)
        redis.call(lambda client: client.delete(PREFIX + key), "limit")


def init_app(app: Flask) -> None:
    """Count behind the door."""
    app.extensions["chat_limits"] = FixedWindowRateLimiter(DoorStorage())
    app.before_request(_limit_page_writes)
    app.after_request(_say_when)


def limit_login(nickname: str) -> None:
    """Count a try to log in, by account and by address; raises Throttled beyond the limit."""
    _count("LIMIT_LOGIN", "address", address())
    _count("LIMIT_LOGIN", "account", hashlib.sha256(nickname_key(nickname).encode()).hexdigest())


def limit_password(user_id: str) -> None:
    """Count a try to give one's password where one is already signed in; as for logging in."""
    _count("LIMIT_LOGIN", "password", user_id)


def limit_register() -> None:
    """Count a try to make an account, by address."""
    _count("LIMIT_REGISTER", address())


def limit_api() -> None:
    """Count an API call, by person or else by address; fit for `before_request`."""
    if not is_counted():
        _count("LIMIT_API", current_user.id or address())
    elif not within_api(g.get("api_count", 0)):
        _refuse("LIMIT_API", current_user.id or address())


def is_counted() -> bool:
    """Whether this call was counted already: by ``chat.api.again`` or ahead of everything else."""
    passing = of(request.environ)
    return "api_count" in g or (passing is not None and passing.counted)


def counted(count: int) -> None:
    """This call was counted in somebody else's round trip; ``limit_api`` will judge it."""
    g.api_count = count


def api_call(user_id: str) -> scripts.Call:
    """The script call that counts one of a person's API calls, for a pipeline."""
    limit = _limit("LIMIT_API")
    name = limit.key_for("LIMIT_API", user_id)
    return COUNT, [PREFIX + name], [1, limit.get_expiry()]


def within_api(count: int) -> bool:
    """Whether so many calls of a person are not too many."""
    return count <= _limit("LIMIT_API").amount


def _limit_page_writes() -> None:
    """Forms count like calls of the API, which counts its own."""
    if request.method not in SAFE and not request.path.startswith("/api/"):
        limit_api()


def address() -> str:
    """Who calls, as far as the network knows; an IPv6 customer has a whole /64."""
    text = request.remote_addr or "unknown"
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return text


def _limit(setting: str) -> RateLimitItem:
    return _parsed(current_app.config[setting])


@lru_cache(maxsize=50)
def _parsed(text: str) -> RateLimitItem:
    return parse(text)


def _count(setting: str, *who: str) -> None:
    limit = _limit(setting)
    limits: FixedWindowRateLimiter = current_app.extensions["chat_limits"]
    if not limits.hit(limit, setting, *who):
        _refuse(setting, *who)


def _refuse(setting: str, *who: str) -> NoReturn:
    limits: FixedWindowRateLimiter = current_app.extensions["chat_limits"]
    limit = _limit(setting)
    ends = limits.get_window_stats(limit, setting, *who).reset_time
    g.retry_after = max(1, math.ceil(ends - time.time()))
    raise Throttled(retry_after=g.retry_after)


def _say_when(response: Response) -> Response:
    if response.status_code == 429 and "retry_after" in g:
        response.headers["Retry-After"] = str(g.retry_after)
    return response
