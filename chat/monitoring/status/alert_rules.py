"""When something is worth being told, and when it is over.

An alert goes on when its figure has been above a line for a while, and off when it has been at or
below a lower one for a while: what wavers round a line is told once. Nothing here asks anybody or
looks at a clock; what is not known counts as quiet.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

CRITICAL, WARNING, INFO = "critical", "warning", "info"
LEAST_READS = 1.0  # a second: of fewer, some misses say nothing
LEAST_CALLS = 200  # a minute, thrice what an idle chat makes: of fewer, a few late ones say nothing


@dataclass(frozen=True)
class Facts:
    """How things stand. Rates are those of the last minute, counts of the last five."""

    redis_enabled: bool = False
    redis_up: bool = True
    mongo_up: bool = True
    drill: bool = False
    reads_per_s: float = 0.0
    miss_rate: float | None = None
    memory: float | None = None  # the share of Redis's limit that is used
    pool_exhausted: float = 0
    stale: float = 0
    get_ms: float | None = None
    set_ms: float | None = None
    gets: int = 0  # calls that get_ms is of
    sets: int = 0
    connections: float | None = None
    rolled_back: int = 0  # structures that Redis is not used for


@dataclass(frozen=True)
class Rule:
    """``above`` the line for ``on_s`` seconds: on. At or ``below`` for ``off_s`` seconds: off."""

    name: str
    severity: str
    figure: Callable[[Facts], float | None]
    above: float
    below: float
    on_s: float
    off_s: float


@dataclass(frozen=True)
class State:
    """Whether an alert is on, ``since`` when, and since when it has been ``turning``."""

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
    """The state after the figure was seen to be this, now."""
    figure = -inf if value is None else float(value)  # below every line: it may end
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
    """All states after these facts, and what went on or off: (rule, before, after)."""
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
    """What is on, the gravest first."""
    return [(rule, states[rule.name]) for rule in RULES if states.get(rule.name, State()).on]


def to_plain(states: Mapping[str, State]) -> dict[str, dict[str, Any]]:
    """As it is kept."""
    return {name: asdict(state) for name, state in states.items()}


def from_plain(kept: Mapping[str, Any]) -> dict[str, State]:
    """What was kept; what another version has kept is no reason to fail."""
    names: Iterable[str] = kept.keys() & BY_NAME.keys()
    try:
        return {name: State(**kept[name]) for name in names}
    except TypeError:
        return {}
