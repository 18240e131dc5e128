"""Starting, stopping, and Redis going away under open sockets."""

import time

from tests.realtime import stage
from tests.realtime.conftest import together
from tests.realtime.stage import until


def test_a_graceful_stop_is_quick_and_tells_the_browsers(site, alice):
    with stage.running(site.mongodb_uri, site.redis.url, PRESENCE_LEASE="30") as third:
        people = [stage.register(third.url, site.invite) for _ in range(5)]
        tabs = [somebody.tab() for somebody in people]
        watcher = alice.tab()
        assert until(lambda: {p.id for p in people} <= watcher.online())
        assert third.stop() < 6
        for tab in tabs:
            assert {"mode": "restarting"} in tab.heard("system")
            assert until(lambda tab=tab: not tab.connected)
        # Offline by the grace of a closed connection, long before the leases would have ended.
        assert until(lambda: not {p.id for p in people} & watcher.online(), 10)


def test_without_redis_one_process_does_everything(site):
    uri = site.mongodb_uri.replace("chat_realtime", "chat_alone")
    with stage.running(uri, None) as app:
        owner = stage.set_up(app.url)
        invite = owner.api("POST", "/api/invites").json()["code"]
        guest = stage.register(app.url, invite)
        here, there = owner.tab(), guest.tab()
        channel = together(owner, guest)
        assert here.post(channel, "hello")["ok"]
        assert there.hears("hello")
        assert until(lambda: guest.id in here.online())
        there.close()
        assert until(lambda: guest.id not in here.online(), 8)
        second = guest.tab()
        guest.log_out()
        assert until(lambda: not second.connected, 1)
        owner.leave()


def test_a_hung_redis_delays_nobody_here_and_browsers_are_told_to_catch_up(site):
    redis = stage_redis = type(site.redis)()
    uri = site.mongodb_uri.replace("chat_realtime", "chat_hung")
    with (
        stage.running(uri, stage_redis.url, PRESENCE_LEASE="6") as first,
        stage.running(uri, stage_redis.url, PRESENCE_LEASE="6") as second,
    ):
        owner = stage.set_up(first.url)
        invite = owner.api("POST", "/api/invites").json()["code"]
        near, far = stage.register(first.url, invite), stage.register(second.url, invite)
        channel = together(owner, near, far)
        here, beside, away = owner.tab(), near.tab(), far.tab()
        with redis.hung():
            assert until(lambda: here.post(channel, "wake up") and here.heard("system"), 10)
            assert here.heard("system")[-1]["mode"] == "degraded"
            slowest = 0.0
            for i in range(8):
                started = time.monotonic()
                assert here.post(channel, f"during {i}")["ok"]
                slowest = max(slowest, time.monotonic() - started)
            assert slowest < 1
            assert beside.hears("during 7")
            assert "during 7" not in away.texts()
        assert until(lambda: any(s.get("resync") for s in away.heard("system")), 30)
        assert until(lambda: away.heard("system")[-1]["mode"] == "normal", 5)
        missed = away.ask("channel:open", channel=channel, after=0)
        assert "during 7" in [row["message"]["text"] for row in missed["messages"]]
        assert until(lambda: here.post(channel, "together again")["ok"] and away.heard("system"))
        assert away.hears("together again", 10)
        assert until(lambda: {near.id, far.id} <= here.online(), 15)
        for somebody in (owner, near, far):
            somebody.leave()
    redis.stop()
