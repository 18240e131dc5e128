"""The databases of `growth`, `curves` and `redis_memory`, made once, kept to the end of the run."""

import atexit
from dataclasses import dataclass
from functools import cache

from benchmarks import masses, report
from benchmarks.masses import Masses, Size
from benchmarks.stage import Stage

TALKATIVE = Size(10_000, 500, 1_000_000, readers=10_000)


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
def town(size: Size) -> Town:
    """A database of that size."""
    report.say(f"storing {size.people:,} people and {size.messages:,} messages")
    uri = stage().database()
    return Town(uri, masses.store(uri, size))


def small(quick: bool) -> Town:
    """What a team has."""
    return town(Size(people=1_000, channels=10, messages=1_000))


def talkative(quick: bool) -> Town:
    """Years of messages, half of them in one channel."""
    return town(Size(1_000, 50, 20_000, readers=1_000) if quick else TALKATIVE)


def populous(quick: bool) -> Town:
    """More people than one site should have."""
    return town(Size(people=5_000 if quick else 100_000, channels=10, messages=1_000, each=1))
