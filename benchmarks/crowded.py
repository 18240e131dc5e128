"""The big databases of `growth` and `redis_memory`, made once and kept until the end of the run."""

import atexit
from dataclasses import dataclass
from functools import cache

from benchmarks import masses, report
from benchmarks.masses import Masses, Size
from benchmarks.stage import Stage


@dataclass(frozen=True)
class Town:
    """A database and who is in it."""

    uri: str
    masses: Masses


@cache
def stage() -> Stage:
    """The one stage with these databases."""
    made = Stage()
    made.__enter__()
    atexit.register(made.__exit__)
    return made


@cache
def small(quick: bool) -> Town:
    """What a team has."""
    return _town(Size(people=1_000, channels=10, messages=1_000))


@cache
def talkative(quick: bool) -> Town:
    """Years of messages, half of them in one channel."""
    people, channels, messages = (1_000, 50, 20_000) if quick else (10_000, 500, 1_000_000)
    return _town(Size(people, channels, messages, readers=people))


@cache
def populous(quick: bool) -> Town:
    """More people than one site should have."""
    return _town(Size(people=5_000 if quick else 100_000, channels=10, messages=1_000, each=1))


def _town(size: Size) -> Town:
    report.say(f"storing {size.people:,} people and {size.messages:,} messages")
    uri = stage().database()
    return Town(uri, masses.store(uri, size))
