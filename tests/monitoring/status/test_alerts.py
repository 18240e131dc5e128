"""Hysteresis: an alert begins and ends after its hold time and does not flap."""

from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from chat.i18n import flask_babel
from chat.monitoring.status import alert_rules, alert_texts, samples
from chat.monitoring.status.alert_rules import BY_NAME, RULES, Facts, Rule, State, step

WELL = Facts(redis_enabled=True)
RULE = Rule("x", alert_rules.WARNING, lambda facts: None, above=10, below=5, on_s=30, off_s=60)
NARROW = replace(RULE, below=9.5)
# What is seen: (seconds since the last look, the figure).
SEEN = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([None, 0, 5, 7, 10, 11, 50])), max_size=60
)


def history(rule, seen):
    """(when, figure, state) of each look."""
    now, state, found = 0, State(), []
    for pause, figure in seen:
        now += pause
        state = step(rule, state, figure, now)
        found.append((now, figure, state))
    return found


def looks_like(found, upto, seconds, holds):
    """Whether every look of the last so many seconds was so, and they go back that far."""
    back = []
    for when, figure, _state in reversed(found[: upto + 1]):
        if not holds(figure):
            break
        back.append(when)
    return bool(back) and back[0] - back[-1] >= seconds


@given(SEEN, st.sampled_from([RULE, NARROW]))
def test_an_alert_begins_and_ends_exactly_after_its_hold_time(seen, rule):
    found, was = history(rule, seen), False
    for at, (_now, _figure, state) in enumerate(found):
        if was:
            calm = looks_like(found, at, rule.off_s, lambda f: f is None or f <= rule.below)
            assert state.on == (not calm)
        else:
            hot = looks_like(found, at, rule.on_s, lambda f: f is not None and f > rule.above)
            assert state.on == hot
        was = state.on


@given(SEEN)
def test_an_alert_never_changes_twice_within_its_hold_time(seen):
    turned = [0.0]
    was = False
    for now, _figure, state in history(RULE, seen):
        if state.on != was:
            wait = RULE.on_s if state.on else RULE.off_s
            assert now - turned[-1] >= wait
            turned.append(now)
            was = state.on


@given(SEEN, st.integers(1, 20))
def test_an_alert_changes_when_its_figure_stays(seen, pause):
    found = history(RULE, [*seen, *[(pause, 50)] * 40])
    if found[-1][0] - found[len(seen)][0] >= RULE.on_s:
        assert found[-1][2].on
    assert found[-1][2].value == 50
    after = history(RULE, [*seen, *[(20, 50)] * 4, *[(20, 5)] * 5])
    assert not after[-1][2].on


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_an_unknown_figure_ends_an_alert_and_begins_none(name):
    rule = BY_NAME[name]
    on = State(on=True, since=0, value=rule.above + 1)
    begun = step(rule, on, None, 1000)
    assert begun.on == (rule.off_s > 0)
    assert not step(rule, begun, None, 1000 + rule.off_s).on
    assert begun.value == on.value, "what was seen last is what is told of it"
    never = step(rule, step(rule, State(), None, 1000), None, 9000)
    assert not never.on


@given(SEEN)
def test_between_the_two_limits_nothing_changes(seen):
    found = history(RULE, seen)
    now, _figure, state = found[-1] if found else (0, None, State())
    for later in (1, 100, 10_000):
        assert step(RULE, state, 7, now + later).on == state.on


BAD = {
    "mongodb_down": {"mongo_up": False},
    "stale_answers": {"stale": 1},
    "redis_unreachable": {"redis_up": False},
    "miss_rate": {"miss_rate": 0.31, "reads_per_s": 1.0},
    "redis_memory": {"memory": 0.81},
    "pool_exhausted": {"pool_exhausted": 1},
    "slow_get": {"get_ms": 5.1, "gets": 200},
    "slow_set": {"set_ms": 20.1, "sets": 200},
    "connections": {"connections": 1001},
    "rolled_back": {"rolled_back": 1},
}
STILL_WELL = {
    "miss_rate": [{"miss_rate": 0.9, "reads_per_s": 0.5}, {"miss_rate": 0.30, "reads_per_s": 9.0}],
    "redis_memory": [{"memory": 0.80}, {"memory": None}],
    "slow_get": [{"get_ms": 5.0, "gets": 200}, {"get_ms": 130.0, "gets": 199}],
    "slow_set": [{"set_ms": 20.0, "sets": 200}, {"set_ms": 130.0, "sets": 199}],
    "connections": [{"connections": 1000}],
    "redis_unreachable": [{"redis_up": False, "drill": True}, {"redis_enabled": False}],
}


def lasting(facts):
    """The states after these facts have lasted."""
    states, now = {}, 0.0
    for _ in range(80):
        states, _turned = alert_rules.look(states, facts, now)
        now += 2
    return {rule.name for rule, _state in alert_rules.active(states)}


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_each_alert_goes_on_by_its_own_figure_alone(name):
    assert lasting(WELL) == set()
    assert lasting(replace(WELL, **BAD[name])) == {name}
    for facts in STILL_WELL.get(name, []):
        assert lasting(replace(WELL, **facts)) == set()


def test_while_redis_is_down_there_is_no_other_alert_about_it():
    slow = {"get_ms": 129.9, "gets": 900, "set_ms": 300.0, "sets": 900}
    missed = {"miss_rate": 0.9, "reads_per_s": 9.0}
    gone = replace(WELL, redis_up=False, **slow, **missed)
    assert lasting(gone) == {"redis_unreachable"}
    assert lasting(replace(gone, drill=True)) == set()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_alert_is_a_sentence_with_advice_in_every_language(language):
    app = Flask(__name__)
    from chat.folders import TRANSLATIONS
    from chat.i18n import compile_catalogues

    compile_catalogues()
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    flask_babel.init_app(app, locale_selector=lambda: language)
    with app.test_request_context():
        said = {rule.name: alert_texts.alert(rule, 0.83) for rule in RULES}
        sent = alert_texts.told(BY_NAME["redis_memory"], True, 0.83, "now", None)
    assert len({each.sentence for each in said.values()}) == len(RULES)
    assert all(each.advice.endswith(".") for each in said.values())
    assert "83" in said["redis_memory"].sentence
    assert "TTL_MESSAGES" in said["redis_memory"].advice
    assert sent["text"].startswith("Redis memory is 83% full.")
    assert sent["texts"]["ru"] != sent["texts"]["en"]


@given(SEEN)
def test_stored_states_are_read_again(seen):
    states = {"redis_memory": history(RULE, [*seen, (1, 11)])[-1][2]}
    assert alert_rules.from_plain(alert_rules.to_plain(states)) == states
    assert alert_rules.from_plain({"redis_memory": {"no": 1}, "unknown": {}}) == {}


def test_the_difference_of_two_samples_is_what_happened_between():
    old = {"at": 1, "cache": {"a": {"hit": 1}}, "row": [1, 2, 0.5]}
    new = {"at": 9, "cache": {"a": {"hit": 5}, "b": {"miss": 2}}, "row": [1, 4, 1.5], "x": 3}
    between = samples.since(old, new)
    expected = {"at": 8, "cache": {"a": {"hit": 4}, "b": {"miss": 2}}, "row": [0, 2, 1.0], "x": 3}
    assert between == expected
    assert samples.since(None, new) == new
    assert samples.added([between, between])["cache"] == {"a": {"hit": 8}, "b": {"miss": 4}}
