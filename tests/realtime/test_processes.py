"""Start, stop, and an outage of Redis with open sockets."""

import psutil
from psutil import STATUS_ZOMBIE as ZOMBIE

from tests.realtime.conftest import together
from tests.support.people import Person
from tests.support.waiting import eventually


def test_a_graceful_stop_tells_the_browsers_and_waits_for_none(
    server, alice, new_person, launch_app
):
    third = launch_app(beside=server, PRESENCE_LEASE="600")
    people = [new_person(at=third) for _ in range(5)]
    tabs = [somebody.tab() for somebody in people]
    watcher = alice.tab()
    watcher.sees_online(*(person.id for person in people))
    third.stop()
    assert third.status == 0  # it was not killed for taking too long
    for tab in tabs:
        tab.is_cut()
        assert {"mode": "restarting"} in tab.heard("system")
    # Offline by the grace of a closed connection, long before the leases would have ended.
    watcher.sees_offline(*(person.id for person in people))


def test_without_redis_one_process_does_everything(launch_app):
    app = launch_app(DISABLE_REDIS="true", PRESENCE_LEASE="6")
    owner = Person(app.url, "owner").set_up()
    guest = Person(app.url).register(owner.invite())
    here, there = owner.tab(), guest.tab()
    channel = together(owner, guest)["id"]
    assert here.post(channel, "hello")["ok"]
    there.hears("hello")
    here.sees_online(guest.id)
    there.close()
    here.sees_offline(guest.id)
    second = guest.tab()
    guest.logout()
    second.is_cut()
    owner.close()


def last_mode(tab):
    return (tab.heard("system") or [{"mode": "normal"}])[-1]["mode"]


def test_a_hung_redis_delays_nobody_here_and_browsers_are_told_to_catch_up(launch_app):
    first = launch_app(PRESENCE_LEASE="6")
    second = launch_app(beside=first, PRESENCE_LEASE="6")
    owner = Person(first.url, "owner").set_up()
    invite = owner.invite()
    near, far = Person(first.url).register(invite), Person(second.url).register(invite)
    channel = together(owner, near, far)["id"]
    here, beside, away = owner.tab(), near.tab(), far.tab()
    with launch_app.redis[0].hung():
        assert here.post(channel, "wake up")["ok"]
        for tab in (here, away):
            eventually(lambda tab=tab: last_mode(tab) == "degraded")
        # All of this is done before Redis goes on, so none of it waited for that.
        for number in range(8):
            assert here.post(channel, f"during {number}")["ok"]
        beside.hears("during 7")
        assert "during 7" not in away.texts()
    # Browsers catch up at every change of mode, also where the line survived and nothing was lost.
    for tab in (here, away):
        eventually(lambda tab=tab: last_mode(tab) == "normal")
    missed = away.ask("channel:open", channel=channel, after=0)
    assert "during 7" in [row["message"]["text"] for row in missed["messages"]]
    # The lines between the processes are open again, each in its own time.
    numbers = iter(range(10_000))
    eventually(
        lambda: (
            here.post(channel, f"together {next(numbers)}")["ok"]
            and any(text.startswith("together") for text in away.texts())
        ),
        every=0.5,
    )
    here.sees_online(near.id, far.id)
    for somebody in (owner, near, far):
        somebody.close()


def test_a_killed_worker_of_four_takes_no_other_down_and_its_people_are_back_with_what_they_missed(
    launch_app,
):
    app = launch_app(WEB_CONCURRENCY="4", PRESENCE_LEASE="6")
    owner = Person(app.url, "owner").set_up()
    channel = owner.get("/api/channels").json()["channels"][0]["id"]
    eventually(lambda: len(workers_of(app)) == 4)
    tabs = [owner.tab() for _ in range(9)]
    # Who takes a connection is chance; two have some, at least.
    eventually(lambda: tabs.append(owner.tab()) or len(spread(app, tabs)) > 1)
    all_hear(tabs, channel, "before")

    victim, lost = max(spread(app, tabs).items(), key=lambda item: len(item[1]))
    stayed = [tab for tab in tabs if tab not in lost]
    survivors = set(workers_of(app)) - {victim}
    victim.kill()
    for tab in lost:
        tab.is_cut()
    said = stayed[0].post(channel, "meanwhile")
    assert said["ok"]
    all_hear(stayed, channel, "among those who stayed")

    back = [owner.tab() for _ in lost]
    for tab in back:
        caught_up = tab.ask("channel:open", channel=channel, after=said["message"]["seq"] - 1)
        texts = [row["message"]["text"] for row in caught_up["messages"]]
        assert texts[0] == "meanwhile"
    eventually(lambda: len(workers_of(app)) == 4)
    all_hear([*stayed, *back], channel, "after")
    assert survivors < set(workers_of(app))
    assert all(tab.connected for tab in stayed)
    owner.close()


def workers_of(app):
    return [w for w in psutil.Process(app.process.pid).children() if w.status() != ZOMBIE]


def spread(app, tabs):
    """Each worker that has some of these tabs, and which."""
    found = {}
    for worker in workers_of(app):
        far_ends = {line.raddr.port for line in worker.net_connections() if line.raddr}
        if has := [tab for tab in tabs if tab.socket.eio.ws.sock.getsockname()[1] in far_ends]:
            found[worker] = has
    return found


def all_hear(tabs, channel, word):
    """Each says something, and each hears all of it."""
    for number, tab in enumerate(tabs):
        assert tab.post(channel, f"{word} {number}")["ok"]
    everything = {f"{word} {number}" for number in range(len(tabs))}
    for tab in tabs:
        eventually(lambda tab=tab: everything <= set(tab.texts()))
