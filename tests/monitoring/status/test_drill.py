"""The fire drill: two processes work without Redis for a while, and people notice nothing."""

import re
import threading

import pytest
from redis import Redis

from tests.monitoring.scrape import scrape
from tests.support.people import Person
from tests.support.processes import Launcher
from tests.support.waiting import eventually

SECONDS = 5
PAGE = 50


class Monitor(threading.Thread):
    """Every command that Redis is sent."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.client = Redis.from_url(url, socket_timeout=None)  # silence is hoped for
        self.seen, self.ended = [], False
        self.ready = threading.Event()

    def run(self):
        with self.client.monitor() as monitor:
            self.ready.set()
            for command in monitor.listen():
                self.seen.append(command["command"])
                if self.ended:
                    return


@pytest.fixture(scope="module")
def launched(tmp_path_factory, mongod):
    """Starts the processes of all tests here: they all leave them as they found them."""
    launcher = Launcher(tmp_path_factory.mktemp("drill"), mongod.uri)
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def two(launched):
    """Two processes, an owner at the one and an admin at the other, a channel of both."""
    first = launched()
    second = launched(beside=first)
    owner = Person(first.url, "olga").set_up()
    member = Person(first.url, "boris").register(owner.invite())
    owner.give_role(member, "admin")
    there = member.again(second.url)
    channel = owner.new_channel()
    there.post(f"/api/channels/{channel['id']}/join")
    yield owner, there, channel, launched.redis[0]
    owner.close()
    there.close()


def is_away(person):
    return person.get("/health/redis").json().get("error") == "fire drill"


def is_up(person):
    return person.get("/health/redis").json()["status"] == "up"


def told_to_prometheus(person):
    """Whether a drill is on, and whether Redis is up."""
    told = scrape(person.url)
    assert told.has("chat_fire_drill")
    return told.of("chat_fire_drill"), told.of("chat_redis_up")


def outcome(person, channel):
    return person.get(f"/api/channels/{channel['id']}/messages").headers["X-Cache"]


def texts(person, channel):
    found = person.get(f"/api/channels/{channel['id']}/messages").json()["messages"]
    return [message["text"] for message in found]


def start(person, seconds=SECONDS):
    answer = person.post_form("/admin/control/drill", seconds=str(seconds))
    assert answer.status_code == 303, answer.text[-2000:]


def test_for_its_time_nothing_is_asked_of_redis_nobody_notices_and_nothing_is_old(two):
    owner, there, channel, redis = two
    eventually(lambda: outcome(owner, channel) == outcome(there, channel) == "hit")
    start(owner)
    eventually(lambda: is_away(owner) and is_away(there))
    monitor = Monitor(redis.url)
    monitor.start()
    monitor.ready.wait()
    said = []
    while is_away(owner) and is_away(there):
        owner.say(channel, f"from here {len(said)}")
        there.say(channel, f"from there {len(said)}")
        said += [f"from here {len(said)}", f"from there {len(said)}"]
        assert texts(owner, channel) == texts(there, channel) == said[-PAGE:]
        assert there.get("/api/me").status_code == owner.get("/api/me").status_code == 200
        assert outcome(there, channel) in ("down", "bypass")
    # At its end the first that is back empties what is there; before that nobody asks for anything.
    until = next((n for n, one in enumerate(monitor.seen) if one.startswith("SCAN")), None)
    assert [one for one in monitor.seen[:until] if "cache:" in one or "session:" in one] == []
    monitor.ended = True
    assert len(said) >= 4
    eventually(lambda: is_up(owner) and is_up(there))
    assert texts(owner, channel) == texts(there, channel) == said[-PAGE:]
    eventually(lambda: outcome(owner, channel) == outcome(there, channel) == "hit")
    assert texts(owner, channel) == texts(there, channel) == said[-PAGE:]

    def report():
        page = owner.get("/admin/status").text
        part = page[page.index('id="live-drill"') :].partition("</section>")[0]
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))

    done = eventually(lambda: "measuring…" not in (r := report()) and "during" in r and r)
    assert "No one was affected." in done
    assert re.search(rf"Failed sends 0 of ({len(said)}|{len(said) + 1})\b", done), done
    assert "Sessions lost 0" in done
    assert len(re.findall(r"[\d.,]+ ms", done)) == 3, done
    page = owner.get("/admin/status").text
    assert re.search(r"fire drill</td>", page)


def test_it_is_ended_early_by_another_process_and_only_one_goes_on_at_a_time(two):
    owner, there, _channel, _redis = two
    for wrong in ("4", "x", "301", "0100000000000", "9" * 5000, "-5", "١٠"):
        answer = owner.post_form("/admin/control/drill", seconds=wrong)
        assert answer.status_code == 422, wrong
    start(owner, 300)
    eventually(lambda: is_away(owner) and is_away(there))
    eventually(lambda: told_to_prometheus(there) == (1, 0))
    assert there.post_form("/admin/control/drill", seconds="10").status_code == 409
    page = there.get("/admin/status").text
    assert "Fire drill: running without Redis on purpose" in page
    assert "not used: fire drill" in page
    assert "not responding" not in page[page.index('id="live-servers"') :]
    assert there.post_form("/admin/control/stop-drill").status_code == 303
    eventually(lambda: is_up(owner) and is_up(there))
    page = owner.get("/admin/status").text
    assert "Ended early by boris." in page
    audit = re.sub(r"<[^>]+>", " ", page[page.index('id="audit"') :])
    assert re.search(r"boris\s+fire drill ended\s+.*?olga\s+fire drill\s", audit, re.S)
    eventually(lambda: told_to_prometheus(there) == (0, 1))
    assert there.post_form("/admin/control/stop-drill").status_code == 303, "nothing to be ended"
    page = owner.get("/admin/status").text
    assert page[page.index('id="audit"') :].count("fire drill ended") == 1


def test_a_process_that_starts_during_a_drill_takes_part_in_it(two, launched):
    owner, there, _channel, _redis = two
    start(owner, 300)
    eventually(lambda: is_away(owner))
    third = owner.again(launched(beside=launched.launched[0]).url)
    assert is_away(third)
    assert owner.post_form("/admin/control/stop-drill").status_code == 303
    eventually(lambda: is_up(third) and is_up(owner) and is_up(there))
    third.close()


def test_without_redis_there_is_nothing_to_practise(launch_app):
    app = launch_app(DISABLE_REDIS="true")
    owner = Person(app.url, "olga").set_up()
    answer = owner.post_form("/admin/control/drill", seconds="10")
    assert answer.status_code == 409
    assert "nothing to practise" in answer.text
    assert "Start a fire drill" not in owner.get("/admin/status").text
    owner.close()


def test_it_ends_by_itself_although_the_process_that_started_it_was_killed(two, launched):
    """The last one here: it kills one of the two."""
    owner, there, channel, _redis = two
    start(owner, SECONDS)
    eventually(lambda: is_away(there))
    launched.launched[0].kill()
    eventually(lambda: is_up(there))
    eventually(lambda: outcome(there, channel) == "hit")
