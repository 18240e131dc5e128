"""Collects the basis of an answer: every cached value that a request read, with its version.

While all these versions are current, the same request would get the same answer. A read that
cannot be checked this way (MongoDB, a value without a version) spoils the basis: the answer is then
not reusable.
"""

from typing import Any

from flask import g, has_request_context
from pymongo import monitoring

from chat.cache import wrong_type
from chat.cache.fence import reads as fence_reads
from chat.redis import scripts
from chat.redis.client import redis

SOON_MS = 2_000
# KEYS: a key whose value is a version.
VERSION = "return redis.call('GET', KEYS[1])"
wrong_type.run_again(VERSION)


class Basis:
    """The cached values that one request has read.

    ``fenced``: versions of values behind the fence, by key. ``plain``: other versions, by the key
    that holds each. ``spoiled``: the answer cannot be reused. ``personal``: the answer depends on
    the caller.
    """

    def __init__(self) -> None:
        self.fenced: dict[str, str] = {}
        self.plain: dict[str, str] = {}
        self.spoiled = False
        self.personal = False

    def add(self, where: dict[str, str], key: str, version: str | None) -> None:
        """Add a key with its version. Two versions of one key in one request spoil the basis."""
        if version is None or where.setdefault(key, version) != version:
            self.spoiled = True

    def without(self, key: str) -> "Basis":
        """A copy of the basis without this fenced key."""
        other = Basis()
        other.fenced = {name: version for name, version in self.fenced.items() if name != key}
        other.plain, other.spoiled, other.personal = self.plain, self.spoiled, self.personal
        return other

    def beside(self, key: str, version: str) -> "Basis | None":
        """The basis with this fenced key added; None if it contains another version of the key."""
        if key in self.fenced:
            return self if self.fenced[key] == version else None
        other = self.without(key)
        other.fenced[key] = version
        return other

    def calls(self) -> list[scripts.Call]:
        """The script calls whose answers go to ``holds`` and ``held``."""
        together = [self.fenced]
        if redis.connector.mode == "cluster":
            together = [{key: version} for key, version in self.fenced.items()]
        return [
            *(fence_reads.same_call(versions) for versions in together if versions),
            *((VERSION, [key], []) for key in self.plain),
        ]

    def holds(self, answers: list[Any]) -> bool:
        """Whether all versions are current and no value is about to expire.

        If a value is about to expire, the answer is built again. That read refreshes the value
        early (``chat.cache.read_through``).
        """
        split = len(answers) - len(self.plain)
        same = all(_lasts(ms) for lives in answers[:split] for ms in lives)
        return same and answers[split:] == list(self.plain.values())

    def held(self, answers: list[Any]) -> dict[str, str]:
        """The fenced keys whose version is current, with their versions."""
        lives = [ms for each in answers[: len(answers) - len(self.plain)] for ms in each]
        pairs = zip(self.fenced.items(), lives, strict=True)
        return dict(pair for pair, ms in pairs if _lasts(ms))


def _lasts(ms: int) -> bool:
    """Whether a value is unchanged and does not expire within SOON_MS.

    ``ms`` is the rest of its lifetime; GONE if it changed, -1 while a write is in progress.
    """
    return ms != fence_reads.GONE and not 0 <= ms < SOON_MS


def begin() -> None:
    """Begin to collect the reads of this request."""
    g.basis = Basis()


def current() -> Basis | None:
    """The basis of this request; None if its reads are not collected."""
    return g.get("basis") if has_request_context() else None


def end() -> None:
    """Stop collecting, so that the next request does not find this basis."""
    g.pop("basis", None)


def read(key: str, version: str | None) -> None:
    """Record the read of a fenced value with its version."""
    if (basis := current()) is not None:
        basis.add(basis.fenced, key, version)


def read_plain(key: str, version: str | None) -> None:
    """Record the read of something whose version is stored as the value of ``key``."""
    if (basis := current()) is not None:
        basis.add(basis.plain, key, version)


def spoil() -> None:
    """Record a read that cannot be checked: the answer cannot be reused."""
    if (basis := current()) is not None:
        basis.spoiled = True


def for_caller() -> None:
    """Record that the answer depends on the caller: other callers must not get it."""
    if (basis := current()) is not None:
        basis.personal = True


class MongoWatch(monitoring.CommandListener):
    """Spoils the basis at every MongoDB command; ``models.init_app`` registers it."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        spoil()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""
