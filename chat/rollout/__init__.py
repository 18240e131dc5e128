"""Which share of the traffic uses a Redis structure (R19), and who announces writes to it.

A subject (a person's id, a session's id) falls into one of 100 buckets by a hash that includes
the feature's name, so cohorts of different features are independent, and raising a percentage
only ever adds subjects. Percentages are stored in MongoDB, by default the environment's, and every
process follows them in the background (``chat.services.rollout.follower``); nothing here asks.

At 0 % not one command is sent for a structure, so writes are not announced either, and what Redis
might still hold may be old. While processes learn of a change at different moments, some of them
would read what others no longer, or not yet, announce. So a change from or to 0 has two steps:

    entering   0 → n: every process announces its writes, nobody reads. Once all of them surely do,
               the structure is emptied, and only then the share becomes ``steady``: readers begin.
    leaving    n → 0: nobody reads, every process still announces. Once surely nobody reads, the
               structure is emptied, and only then the share becomes ``steady``: writers stop.

Surely means MARGIN seconds after the change, by MongoDB's clock. What a process has heard is worth
LEASE seconds (counted from before it asked). If it could not ask for longer than that, because
MongoDB is away or because the process stood still, it announces all its writes, which is never
wrong; after a standstill it also reads nothing until it has heard. Between two percentages above 0
all writers announce anyway, so such a change applies as each process hears of it.
"""

import time
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from math import inf

from flask import Flask, current_app, g, has_request_context

from chat.redis_schema.keys import STRUCTURES

FEATURES = ("sessions", "users", "online", "channels", "channel_users", "messages", "emoji")
STEADY, ENTERING, LEAVING = "steady", "entering", "leaving"
LEASE = 5.0
MARGIN = 8.0


@dataclass(frozen=True)
class Share:
    """A feature's percentage, and which step of a change it is in."""

    percent: int
    stage: str = STEADY

    @property
    def read(self) -> int:
        """The percentage of readers."""
        return self.percent if self.stage == STEADY else 0

    @property
    def written(self) -> bool:
        """Whether writes are announced."""
        return self.percent > 0 or self.stage != STEADY

    def to(self, percent: int) -> "Share":
        """The share after somebody has chosen another percentage."""
        if (self.percent > 0) == (percent > 0):
            return Share(percent, self.stage)
        return Share(percent, ENTERING if percent else LEAVING)


@dataclass
class Heard:
    """What this process knows. Without anybody who follows what is stored: the environment's."""

    follows: bool = False
    shares: dict[str, Share] = field(default_factory=dict)
    version: int = 0
    heard_at: float = -inf
    tried_at: float = -inf


_heard = Heard()


def init_app(app: Flask) -> None:
    """Begin with the environment: settings named ROLLOUT_<FEATURE>."""
    global _heard
    _heard = Heard()


# -- questions -----------------------------------------------------------------------------------


def bucket(feature: str, key: str) -> int:
    """The subject's bucket, 0 to 99, the same in every process and after every restart."""
    return int.from_bytes(sha256(f"{feature}:{key}".encode()).digest()[:4], "big") % 100


def percent(feature: str) -> int:
    """The share of readers in percent, now and in this process."""
    if not _heard.follows:
        return environment(feature)
    if feature not in _heard.shares or time.monotonic() - _heard.tried_at > LEASE:
        return 0
    return _heard.shares[feature].read


def in_rollout(feature: str, key: str) -> bool:
    """Whether this subject's traffic uses the feature's Redis structure."""
    share = percent(feature)
    return share >= 100 or (share > 0 and bucket(feature, key) < share)


def for_reader(feature: str) -> bool:
    """The same for whoever is asking now: the signed-in person, or nobody in particular."""
    share = percent(feature)
    if 0 < share < 100:
        subject = str(g.get("subject", "")) if has_request_context() else ""
        return bucket(feature, subject) < share
    return share > 0


def writes(feature: str | None) -> bool:
    """Whether a write must be announced now. To be asked again when the write has happened."""
    if feature not in _heard.shares or time.monotonic() - _heard.heard_at > LEASE:
        return True
    return _heard.shares[feature].written


def writes_to(key: str) -> bool:
    """The same for a data key; a key of no feature is always told."""
    return writes(feature_of(key))


def version() -> int:
    """Changes with every change that this process has applied."""
    return _heard.version


def environment(feature: str) -> int:
    """What the environment says."""
    return int(current_app.config.get(f"ROLLOUT_{feature.upper()}", 100))


def known() -> dict[str, Share]:
    """What this process has heard; nothing before it has heard anything."""
    return dict(_heard.shares)


# -- what a feature keeps in Redis ---------------------------------------------------------------


@cache
def _families() -> tuple[tuple[str, str], ...]:
    return tuple((s.name.removesuffix("*"), s.rollout) for s in STRUCTURES if s.name.endswith("*"))


@cache
def _single() -> dict[str, str]:
    return {s.name: s.rollout for s in STRUCTURES if not s.name.endswith("*")}


def feature_of(key: str) -> str | None:
    """To which feature a data key belongs."""
    if key in _single():
        return _single()[key]
    return next((feature for name, feature in _families() if key.startswith(name)), None)


# -- what is heard -------------------------------------------------------------------------------


def trying(began: float) -> None:
    """What is stored is being asked for."""
    _heard.follows, _heard.tried_at = True, began


def hear(shares: dict[str, Share], began: float) -> bool:
    """This is what was stored at some moment after ``began``. Whether it is news."""
    _heard.heard_at = began
    if shares == _heard.shares:
        return False
    _heard.shares = dict(shares)
    _heard.version += 1
    return True
