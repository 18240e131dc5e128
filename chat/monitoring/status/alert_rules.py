"""The rules of all alerts: when each begins and when it ends.

An alert begins when its figure has been above a limit for some time. It ends when the figure has
been at or below a lower limit for some time (hysteresis). So a figure that varies around a limit
raises one alert. These are pure functions without I/O and clock. An unknown figure raises no alert.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

CRITICAL, WARNING, INFO = "critical", "warning", "info"
LEAST_READS = 1.0  # a second; the misses of fewer reads mean nothing
# A minute. An idle chat makes a third of that; a few slow ones of fewer mean nothing.
LEAST_CALLS = 200


@dataclass(frozen=True)
class Facts:
    """The current figures. Rates are of the last minute, counts of the last five minutes."""

    redis_enabled: bool = False
    redis_up: bool = True
    mongo_up: bool = True
    drill: bool = False
    reads_per_s: float = 0.0
    miss_rate: float | None = None
    memory: float | None = None  # used share of the memory limit of Redis
    pool_exhausted: float = 0
    stale: float = 0
    get_ms: float | None = None
    set_ms: float | None = None
    gets: int = 0  # the number of calls in get_ms
    sets: int = 0
    connections: float | None = None
    rolled_back: int = 0  # structures at 0 %


@dataclass(frozen=True)
class Rule:
    """On after ``on_s`` seconds over ``above``, off after ``off_s`` at or under ``below``."""

    name: str
    severity: str
    figure: Callable[[Facts], float | None]
    above: float
    below: float
    on_s: float
    off_s: float


@dataclass(frozen=True)
class State:
    """Whether an alert is on, since when, and since when it is about to change (``turning``)."""

    on: bool = False
    since: float | None = None
    turning: float | None = None
    value: float | None = None


def _misses(facts: Facts) -> float | None:
    return facts.miss_rate if facts.reads_per_s >= LEAST_READS and facts.redis_up else None


def _slow(facts: Facts, took: float | None, calls: int) -> float | None:
    return took if calls >= LEAST_CALLS and facts.redis_up else None


RULES = (
    Rule("mongodb_down", CRITICAL, lambda f: not f.mongo_up, 0, 0, 4, 4),
    Rule("stale_answers", CRITICAL, lambda f: f.stale, 0, 0, 0, 0),
    Rule("redis_unreachable", WARNING,
         lambda f: f.redis_enabled and not f.redis_up and not f.drill, 0, 0, 4, 4),
    Rule("miss_rate", WARNING, _misses, 0.30, 0.25, 60, 60),
    Rule("redis_memory", WARNING, lambda f: f.memory, 0.80, 0.75, 30, 60),
    Rule("pool_exhausted", WARNING, lambda f: f.pool_exhausted, 0, 0, 0, 0),
    Rule("slow_get", WARNING, lambda f: _slow(f, f.get_ms, f.gets), 5.0, 4.0, 60, 60),
    Rule("slow_set", WARNING, lambda f: _slow(f, f.set_ms, f.sets), 20.0, 15.0, 60, 60),
    Rule("connections", WARNING, lambda f: f.connections, 1000, 900, 30, 60),
    Rule("rolled_back", INFO, lambda f: f.rolled_back, 0, 0, 20, 4),
)  # fmt: skip
BY_NAME = {rule.name: rule for rule in RULES}


def step(rule: Rule, state: State, value: float | None, now: float) -> State:
    """The next state of an alert whose figure is ``value`` now."""
    figure = -inf if value is None else float(value)  # below every limit, so that the alert may end
    turns = figure <= rule.below if state.on else figure > rule.above
    shown = state.value if value is None else float(value)
    if not turns:
        return replace(state, turning=None, value=shown)
    turning = now if state.turning is None else state.turning
    if now - turning < (rule.off_s if state.on else rule.on_s):
        return replace(state, turning=turning, value=shown)
    if state.on:
        return State(value=shown)
    return State(on=True, since=now, value=shown)


def look(
    states: Mapping[str, State], facts: Facts, now: float
) -> tuple[dict[str, State], list[tuple[Rule, State, State]]]:
    """All states after these facts, and the changes: (rule, before, after)."""
    after = {
        rule.name: step(rule, states.get(rule.name, State()), rule.figure(facts), now)
        for rule in RULES
    }
    turned = [
        (rule, states.get(rule.name, State()), after[rule.name])
        for rule in RULES
        if states.get(rule.name, State()).on != after[rule.name].on
    ]
    return after, turned


def active(states: Mapping[str, State]) -> list[tuple[Rule, State]]:
    """The alerts that are on, the most severe first."""
    return [(rule, states[rule.name]) for rule in RULES if states.get(rule.name, State()).on]


def to_plain(states: Mapping[str, State]) -> dict[str, dict[str, Any]]:
    """The states as JSON for storage."""
    return {name: asdict(state) for name, state in states.items()}


def from_plain(kept: Mapping[str, Any]) -> dict[str, State]:
    """The stored states; empty if another version has stored them in another form."""
    names: Iterable[str] = kept.keys() & BY_NAME.keys()
    try:
        return {name: State(**kept[name]) for name in names}
    except TypeError:
        return {}
