"""The rate limits for socket events: token buckets for each person, in this process only."""

import time
from dataclasses import dataclass, field

import limits
from flask import Flask

FORGET_AFTER = 300


@dataclass
class Bucket:
    """A token bucket: `burst` at once, then `rate` a second."""

    rate: float
    burst: float
    tokens: float = field(default=-1)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def wait(self) -> float:
        """Take a token and return 0, or return the seconds until the next one."""
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class Floods:
    """Buckets by person and kind: `message`, `typing`, `open` and `event` for the rest."""

    def __init__(self, events_per_second: float) -> None:
        rate = events_per_second
        # (rate, burst); by default 10 messages at once, then 5 a second.
        self._shapes = {
            "event": (rate, 2 * rate),
            "message": (rate / 4, rate / 2),
            "typing": (rate / 10, rate / 4),
            "open": (rate / 4, rate),
        }
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def wait(self, user_id: str, kind: str) -> float:
        """0 if the event may pass now, else the seconds until one may."""
        bucket = self._buckets.get((user_id, kind))
        if bucket is None:
            rate, burst = self._shapes[kind]
            bucket = self._buckets[user_id, kind] = Bucket(rate, max(1.0, burst))
        return bucket.wait()

    def tidy(self) -> None:
        """Delete buckets that were not used for FORGET_AFTER seconds."""
        past = time.monotonic() - FORGET_AFTER
        for key in [key for key, bucket in self._buckets.items() if bucket.at < past]:
            del self._buckets[key]


def per_second(limit: str) -> float:
    """The number of events a second in a limit such as `20/second` or `600 per minute`."""
    parsed = limits.parse(limit)
    return parsed.amount / parsed.get_expiry()


def init_app(app: Flask) -> None:
    limit = app.config.get("LIMIT_SOCKET_EVENTS") or "20/second"
    app.extensions["chat.floods"] = Floods(per_second(str(limit)))
