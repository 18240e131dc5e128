"""What an answer was made from: every cached value that a request read, with its version.

While all of these versions are still the current ones the answer would be the same again. Whatever
cannot be checked that way (MongoDB, a value without a version) spoils the basis.
"""

from typing import Any

from flask import g, has_request_context
from pymongo import monitoring

from chat.cache import wrong_type
from chat.cache.fence import reads as fence_reads
from chat.redis import scripts
from chat.redis.client import redis

SOON_MS = 2_000
# KEYS: a key that holds a version of its own.
VERSION = "return redis.call('GET', KEYS[1])"
wrong_type.run_again(VERSION)


class Basis:
    """Collects what one request reads."""

    def __init__(self) -> None:
        self.fenced: dict[str, str] = {}
        self.plain: dict[str, str] = {}
        self.spoiled = False
        self.personal = False

    def add(self, where: dict[str, str], key: str, version: str | None) -> None:
        """Read under this version. Two versions of one key in one request fit no moment."""
        if version is None or where.setdefault(key, version) != version:
            self.spoiled = True

    def without(self, key: str) -> "Basis":
        """The same but for this fenced value."""
        other = Basis()
        other.fenced = {name: version for name, version in self.fenced.items() if name != key}
        other.plain, other.spoiled, other.personal = self.plain, self.spoiled, self.personal
        return other

    def beside(self, key: str, version: str) -> "Basis | None":
        """The same and this fenced value; None if it was made from another version of that."""
        if key in self.fenced:
            return self if self.fenced[key] == version else None
        other = self.without(key)
        other.fenced[key] = version
        return other

    def calls(self) -> list[scripts.Call]:
        """The questions whose answers ``holds`` judges."""
        together = [self.fenced]
        if redis.connector.mode == "cluster":
            together = [{key: version} for key, version in self.fenced.items()]
        return [
            *(fence_reads.same_call(versions) for versions in together if versions),
            *((VERSION, [key], []) for key in self.plain),
        ]

    def holds(self, answers: list[Any]) -> bool:
        """Whether everything is as it was, and none of it about to expire: then an answer made
        anew has it fetched early (``chat.cache.read_through``)."""
        split = len(answers) - len(self.plain)
        same = all(_lasts(ms) for lives in answers[:split] for ms in lives)
        return same and answers[split:] == list(self.plain.values())

    def held(self, answers: list[Any]) -> dict[str, str]:
        """The fenced values that are as they were, with their versions."""
        lives = [ms for each in answers[: len(answers) - len(self.plain)] for ms in each]
        pairs = zip(self.fenced.items(), lives, strict=True)
        return dict(pair for pair, ms in pairs if _lasts(ms))


def _lasts(ms: int) -> bool:
    """Whether a value with so much left of its life (-1: a write is under way) is the same."""
    return ms != fence_reads.GONE and not 0 <= ms < SOON_MS


def begin() -> None:
    """Collect what this request reads from now on."""
    g.basis = Basis()


def current() -> Basis | None:
    """The basis of this request, if it is collected."""
    return g.get("basis") if has_request_context() else None


def end() -> None:
    """Stop: what belongs to one request must not be found by the next."""
    g.pop("basis", None)


def read(key: str, version: str | None) -> None:
    """A fenced value was read under this version."""
    if (basis := current()) is not None:
        basis.add(basis.fenced, key, version)


def read_plain(key: str, version: str | None) -> None:
    """Something was read whose version is the value of this key."""
    if (basis := current()) is not None:
        basis.add(basis.plain, key, version)


def spoil() -> None:
    """Something was read that cannot be checked."""
    if (basis := current()) is not None:
        basis.spoiled = True


def for_caller() -> None:
    """Who asks has decided something: another caller may have to be answered otherwise."""
    if (basis := current()) is not None:
        basis.personal = True


class MongoWatch(monitoring.CommandListener):
    """Spoils the basis at every question to MongoDB; for ``models.init_app``."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        spoil()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""
