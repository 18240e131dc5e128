"""Starting, stopping, and Redis going away under open sockets."""

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
