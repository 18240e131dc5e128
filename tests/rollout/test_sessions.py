"""ROLLOUT_SESSIONS goes 0 → 10 → 50 → 100 → 0: nobody is logged out, nobody logged in again."""

from itertools import pairwise

import pytest

from chat import rollout
from chat.auth.sessions import cleanup as session_cleanup
from chat.auth.sessions import store
from chat.models.session import Session
from chat.services import rollout as rollout_service
from chat.services.rollout import follower
from tests.cache.conftest import enter
from tests.rollout.conftest import PASSWORD, set_to
from tests.support.servers import IN_PROCESS

PEOPLE = 40
WALK = (100, 0, 10, 50, 100, 50, 0, 100, 0)


def sid_of(browser):
    return browser.get_cookie("session").value


def is_in(browser):
    return browser.get("/api/me").status_code == 200


@pytest.fixture
def browsers(site):
    """Forty browsers of the same person."""
    made = [site.app.test_client() for _ in range(PEOPLE)]
    for browser in made:
        enter(browser, "/login", nickname="boris", password=PASSWORD)
    return made


def in_redis(valkey):
    names = valkey.client(IN_PROCESS).scan_iter("session:*", count=1000)
    return {name.removeprefix("session:") for name in names}


def test_no_step_of_the_walk_logs_anybody_out_or_lets_anybody_in_again(site, valkey, browsers):
    here, gone = list(browsers), []
    for before, percent in pairwise(WALK):
        rollout_service.command("sessions", str(percent))
        for end_of_step in (
            lambda: None,
            follower.look,
            follower.settle,
            follower.look,
        ):
            end_of_step()
            assert all(map(is_in, here)), f"somebody is out on the way to {percent}"
            assert not any(map(is_in, gone)), f"somebody is in again on the way to {percent}"
        cohort = {s for s in map(sid_of, here) if rollout.bucket("sessions", s) < percent}
        found = in_redis(valkey)
        assert cohort <= found
        mine = set(map(sid_of, browsers))
        assert percent < before or not found & mine - cohort, "outside of the cohort"
        leaver = here.pop()
        with site.app.test_request_context():
            store.end(sid_of(leaver))
        gone.append(leaver)


def test_a_session_changed_outside_of_the_cohort_is_not_found_as_it_was(site, valkey):
    """Another process may be behind, and store what it has read before the change."""
    sid = sid_of(site.member)
    set_to(100, "sessions")
    old = store.load(sid)
    set_to(max(1, rollout.bucket("sessions", sid)), "sessions")  # just outside of it
    store.write(sid, {**old, "nickname": "changed"}, new=False)
    late = [store.encode(old), 100, "NX"]
    valkey.client(IN_PROCESS).eval(store.STORE, 2, *store.keys_of(sid), *late)
    set_to(100, "sessions")
    assert store.load(sid)["nickname"] == "changed"


def test_what_ended_at_zero_leaves_no_journal_behind(site):
    set_to(0, "sessions")
    with site.app.test_request_context():
        session_cleanup.end_of_user(store.load(sid_of(site.member))["userId"], None)
        session_cleanup.sweep()
    assert not is_in(site.member)
    assert Session._get_collection().count_documents({"redis_dirty": True}) == 0
    set_to(100, "sessions")
    assert not is_in(site.member)
