"""From counters to alerts: each alert depends on its own figures and no others.

The snapshots here are made up, so nothing has to break.
"""

import copy

import pytest

from chat.cache import fire_drill
from chat.monitoring.status import alert_rules, loop, samples
from chat.monitoring.status.loop import Keeper, facts_of
from chat.redis.client import redis
from chat.rollout import FEATURES
from chat.telemetry import registry
from tests.support.own_clock import Clock

STRUCTURE = registry.CACHES[0]
NOW = 1_700_000_000.0


def nothing_yet():
    """Figures as they are when a process starts and all is well."""
    counts = {
        figure.name: {labels: figure.nothing() for labels in (figure.known or ((),))}
        for figure in registry.FIGURES
        if not isinstance(figure, registry.Gauge)
    }
    counts[registry.REQUESTS.name], counts[registry.MONGO_CALLS.name] = {}, {}
    gauges = {
        registry.REDIS_ENABLED: 1, registry.REDIS_UP: 1, registry.MONGO_UP: 1,
        registry.REDIS_MEMORY: 50, registry.REDIS_MEMORY_LIMIT: 100, registry.REDIS_CLIENTS: 12,
    }  # fmt: skip
    found = {figure.name: {(): value} for figure, value in gauges.items()}
    found[registry.ROLLOUT.name] = {(name,): 0.1 for name in FEATURES}
    return {**counts, **found}


def snapshot(at, *changes):
    """A snapshot with changes (figure, value, labels…)."""
    figures = nothing_yet()
    for figure, value, *labels in changes:
        figures[figure.name][tuple(labels)] = value
    pairs = {name: list(found.items()) for name, found in figures.items()}
    gauges = {name: pairs.pop(name) for name in list(pairs) if is_gauge(name)}
    return {"at": NOW + at, "pid": 1, "processes": 1, "counts": pairs, "gauges": gauges,
            "folded": []}  # fmt: skip


def gauges_of(snap):
    return {
        name: {"/".join(labels): value for labels, value in pairs}
        for name, pairs in snap["gauges"].items()
    }


def is_gauge(name):
    return isinstance(registry.BY_NAME[name], registry.Gauge)


def row(figure, **calls):
    """A histogram of so many calls that took up to so many ms: up_to_5=190."""
    found = figure.nothing()
    for time, number in calls.items():
        found[figure.buckets.index(int(time.removeprefix("up_to_")) / 1000)] = number
    return found


def figures_that_are_on(now, minute_ago=(), before=()):
    """Alerts by the figure that they are told with, after all has stayed like this."""
    newest, middle, oldest = snapshot(0, *now), snapshot(-60, *minute_ago), snapshot(-300, *before)
    taken = samples.take(newest)
    facts = facts_of(
        gauges_of(newest),
        samples.since(samples.take(middle), taken),
        samples.since(samples.take(oldest), taken),
    )
    states = {}
    for second in range(0, 200, 2):
        states, _turned = alert_rules.look(states, facts, second)
    return {rule.name: state.value for rule, state in alert_rules.active(states)}


def reads(hit=0, miss=0, error=0):
    told = {"hit": hit, "miss": miss, "error": error}
    return [(registry.CACHE_READS, number, STRUCTURE, outcome) for outcome, number in told.items()]


def calls(family, **times):
    return [(registry.REDIS_CALLS, row(registry.REDIS_CALLS, **times), family)]


def memory(used, limit):
    return [(registry.REDIS_MEMORY, used), (registry.REDIS_MEMORY_LIMIT, limit)]


EMPTIED = [(registry.POOL_EXHAUSTED, 1)]
OLD = [(registry.SHADOW, 1, STRUCTURE, "stale")]
# name: the figure that is told, what makes it so (now, a minute ago, five minutes ago).
ON = {
    "mongodb_down": (1, [[(registry.MONGO_UP, 0)]]),
    "stale_answers": (1, [OLD, OLD]),
    "redis_unreachable": (1, [[(registry.REDIS_UP, 0)]]),
    "miss_rate": (0.31, [reads(hit=690, miss=300, error=10)]),
    "redis_memory": (0.81, [memory(81, 100)]),
    "pool_exhausted": (1, [EMPTIED, EMPTIED]),
    "slow_get": (7.5, [calls("get", up_to_5=180, up_to_10=20)]),
    "slow_set": (35.0, [calls("set", up_to_20=180, up_to_50=20)]),
    "connections": (1001, [[(registry.REDIS_CLIENTS, 1001)]]),
    "rolled_back": (2, [[(registry.ROLLOUT, 0, FEATURES[0]), (registry.ROLLOUT, 0, FEATURES[1])]]),
}
QUIET = {
    "mongodb_down": [[[(registry.MONGO_UP, 1)]]],
    "stale_answers": [[OLD, OLD, OLD], [[(registry.SHADOW, 9, STRUCTURE, "undecided")]]],
    "redis_unreachable": [[[(registry.REDIS_UP, 0), (registry.REDIS_ENABLED, 0)]]],
    "miss_rate": [
        [reads(hit=700, miss=300)], [reads(miss=59)],
        [reads(hit=69, miss=31), reads(hit=69, miss=31)],
    ],
    "redis_memory": [[memory(80, 100)], [memory(81, 0)]],
    "pool_exhausted": [[EMPTIED, EMPTIED, EMPTIED]],
    "slow_get": [
        [calls("get", up_to_5=195, up_to_150=5)], [calls("get", up_to_150=199)],
        [calls("get", up_to_150=1099), calls("get", up_to_150=900)],
        [calls("get", up_to_5=300, up_to_150=900), calls("get", up_to_150=900)],
        [calls("other", up_to_150=900)],
    ],
    "slow_set": [
        [calls("set", up_to_20=195, up_to_150=5)], [calls("set", up_to_150=199)],
        [calls("set", up_to_150=1099), calls("set", up_to_150=900)],
        [calls("set", up_to_20=300, up_to_150=900), calls("set", up_to_150=900)],
        [calls("script", up_to_150=900)],
    ],
    "connections": [[[(registry.REDIS_CLIENTS, 1000)]]],
    "rolled_back": [[[(registry.ROLLOUT, 0.01, name) for name in FEATURES]]],
}  # fmt: skip


def test_without_problems_there_is_no_alert():
    assert figures_that_are_on([]) == {}


@pytest.mark.parametrize("name", [rule.name for rule in alert_rules.RULES])
def test_each_alert_needs_its_own_counts_and_not_similar_ones(name):
    figure, seen = ON[name]
    assert figures_that_are_on(*seen) == {name: pytest.approx(figure)}
    for twin in QUIET[name]:
        assert figures_that_are_on(*twin) == {}, twin


def test_unknown_figures_raise_no_alert():
    nothing = snapshot(0)
    for pairs in nothing["gauges"].values():
        pairs.clear()
    taken = samples.take(nothing)
    none = samples.since(copy.deepcopy(taken), taken)
    facts = facts_of(gauges_of(nothing), none, none)
    states = {}
    for second in range(0, 200, 2):
        states, _turned = alert_rules.look(states, facts, second)
    assert alert_rules.active(states) == []


class WholeClock(Clock):
    """With the time of day, too."""

    def time(self):
        return NOW + self.now


@pytest.fixture
def clock(monkeypatch):
    clock = WholeClock()
    monkeypatch.setattr(loop, "time", clock)
    return clock


@pytest.fixture
def seen(app, clock, monkeypatch):
    """Lets the keeper look for a while at made-up figures; the alerts that are on, as stored."""
    told = {}
    monkeypatch.setattr(loop.group, "seen", lambda: told)
    monkeypatch.setattr(loop.group, "tell", told.update)
    keeper = Keeper(app)
    keeper.herald.slug = ""

    def look(*changes, seconds=20):
        for _ in range(0, seconds, 2):
            monkeypatch.setattr(loop, "together", lambda: snapshot(0, *changes))
            keeper.look()
            clock.now += 2
        states = alert_rules.from_plain(told["alerts"])
        return {rule.name for rule, _state in alert_rules.active(states)}, told

    with app.app_context():
        yield look
        redis.close()


def test_the_loop_reports_an_outage_of_redis_but_not_during_a_fire_drill(seen, monkeypatch):
    phase = [fire_drill.AWAY]
    monkeypatch.setattr(fire_drill, "phase", lambda: phase[0])
    gone = (registry.REDIS_UP, 0)
    assert seen(gone)[0] == set()
    phase[0] = fire_drill.NONE
    assert seen(gone)[0] == {"redis_unreachable"}
    assert seen()[0] == set()


def test_what_fails_in_an_outage_is_counted_from_its_beginning(seen):
    def failed(number):
        return registry.SOCKET_EVENTS, number, "message:post", "failed"

    def lost(number):
        return registry.SESSIONS_LOST, number

    gone = (registry.REDIS_UP, 0)
    assert seen(failed(3), lost(1))[1]["outage"] == {"posts": 0, "failed": 0, "lost": 0}
    assert seen(failed(4), lost(3), gone)[1]["outage"] == {"posts": 1, "failed": 1, "lost": 2}
    later = seen(failed(9), lost(3), gone, seconds=400)[1]
    assert later["outage"] == {"posts": 6, "failed": 6, "lost": 2}
    assert seen(failed(9), lost(3))[1]["outage"] == {"posts": 0, "failed": 0, "lost": 0}
