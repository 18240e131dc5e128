"""The status page over HTTP: verdict, facts, controls, and who may see it."""

import re

import pytest

from chat.rollout import FEATURES
from tests.support.people import Person
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def site(tmp_path_factory, mongod):
    """An app of its own, of two workers, with an owner and a member."""
    from tests.support.processes import Launcher

    launcher = Launcher(tmp_path_factory.mktemp("status"), mongod.uri)
    launcher.app = launcher(WEB_CONCURRENCY="2")
    launcher.owner = Person(launcher.app.url, "olga").set_up()
    launcher.member = Person(launcher.app.url, "boris").register(launcher.owner.invite())
    yield launcher
    launcher.owner.close()
    launcher.member.close()
    launcher.close()


def sentence(person, path="/admin/status"):
    found = re.search(r'role="status">([^<]*)</p>', person.get(path).text)
    return found[1] if found else ""


def fact(person, name):
    """What stands at this name."""
    found = re.search(f"<dt>{name}</dt><dd>(.*?)</dd>", person.get("/admin/status").text, re.S)
    return re.sub(r"<[^>]+>", "", found[1]).strip() if found else ""


def audit(person):
    page = person.get("/admin/status").text
    return re.sub(r"<[^>]+>", " ", page[page.index('id="audit"') :])


def test_it_says_that_everything_works_and_shows_both_servers(site):
    eventually(lambda: sentence(site.owner) == "Everything works.")
    for text in ("Valkey", "Replica set", "of 1,000 at most"):
        eventually(lambda text=text: text in site.owner.get("/admin/status").text)
    page = site.owner.get("/admin/status").text
    for text in ("Persistence", "No alerts.", "Right now", "no backup found"):
        assert text in page, text
    rows = page[page.index('id="live-processes"') :]
    assert rows.count('data-label="MongoDB"') == 2


def test_each_cache_has_its_hit_rate_and_both_times_of_real_traffic(site):
    channel = site.owner.new_channel()
    path = f"/api/channels/{channel['id']}/messages"

    def shown():
        site.owner.say(channel, "something new")
        for _ in range(3):
            site.owner.api("GET", path)
        page = site.owner.get("/admin/status").text
        row = page[page.index("Recent messages") :].partition("</tr>")[0]
        cells = re.findall(r'data-label="([^"]*)">(.*?)</td>', row, re.S)
        return {name: re.sub(r"<[^>]+>", "", text).strip() for name, text in cells}

    both = [f"{how}, median / 95th percentile" for how in ("With cache", "Without cache")]
    cells = eventually(
        lambda: (
            (c := shown())
            and all("ms" in c[name] for name in both)
            and int(c["Keys"].strip("–") or 0)
            and c
        )
    )
    assert cells["Hit rate"].endswith("%")
    assert int(cells["Reads saved"].replace(",", "")) > 0
    assert cells["TTL"] == "1 min messages,5 min unread counts"
    assert cells["Traffic"] == "100 %"
    assert fact(site.owner, "Sessions found in") == "Redis 100 %, MongoDB 0 %"


def test_two_tabs_are_one_person_and_two_connections(site):
    tabs = [site.owner.tab().greeted() for _ in range(2)]
    try:
        eventually(lambda: fact(site.owner, "Open browser connections") == "2")
        eventually(lambda: fact(site.owner, "People online") == "1")
    finally:
        for tab in tabs:
            tab.close()


def test_only_admins_see_it_and_only_they_can_do_anything(site):
    for path in ("/admin/status", "/admin/status/now", "/admin/control/kill"):
        assert site.member.get(path).status_code == 404
    for what in ("kill", "back", "drill", "stop-drill", "empty-users"):
        assert site.member.post_form(f"/admin/control/{what}").status_code == 404
        assert site.owner.post_form(f"/admin/control/{what}", csrf_token="no").status_code == 403
    assert site.owner.get("/admin/control/nothing").status_code == 404
    assert site.owner.post_form("/admin/control/empty-nothing").status_code == 404
    assert "Redis turned off (0%)" not in audit(site.owner)


def test_a_cache_is_emptied_after_being_asked_and_that_is_written_down(site):
    redis = site.redis[0].client()
    eventually(lambda: site.owner.get("/api/emoji") and redis.exists("cache:emoji:classics"))
    asked = site.owner.get("/admin/control/empty-emoji").text
    assert "Clear “Emoji counts” in Redis?" in asked
    assert redis.exists("cache:emoji:classics")
    answer = site.owner.post_form("/admin/control/empty-emoji")
    assert (answer.status_code, answer.headers["Location"]) == (
        303, "/admin/status?done=1#controls",
    )  # fmt: skip
    assert not redis.exists("cache:emoji:classics", "v:{cache:emoji:classics}")
    assert re.search(r"olga\s+cleared\s+Emoji counts\s+\d+ keys?", audit(site.owner))
    eventually(lambda: site.owner.get("/api/emoji").headers["X-Cache"] == "hit")


def test_emptying_the_sessions_logs_nobody_out(site):
    assert site.owner.post_form("/admin/control/empty-sessions").status_code == 303
    assert site.member.get("/api/me").status_code == 200
    assert site.owner.get("/api/me").status_code == 200


def percents(person):
    found = re.findall(r'name="was_(\w+)" value="(\d+)"', person.get("/admin/status").text)
    return {name: int(value) for name, value in found}


def test_the_kill_switch_sets_all_to_zero_and_back_to_the_old_percentages(site):
    before = dict.fromkeys(FEATURES, 100) | {"emoji": 40}
    was = {f"was_{name}": "100" for name in FEATURES} | {"sure": "1"}
    site.owner.post_form("/admin/rollout", **was, emoji="40")
    assert percents(site.owner) == before
    assert "Restore previous values" not in site.owner.get("/admin/status").text

    assert site.owner.post_form("/admin/control/kill").status_code == 303
    assert percents(site.owner) == dict.fromkeys(FEATURES, 0)
    assert "Redis turned off (0%)" in audit(site.owner)
    eventually(lambda: site.member.get("/api/users").headers["X-Cache"] == "bypass")

    assert site.owner.post_form("/admin/control/back").status_code == 303
    assert percents(site.owner) == before
    eventually(lambda: site.member.get("/api/users").headers["X-Cache"] == "hit")


def test_in_russian_nothing_is_left_in_english(site):
    site.owner.patch("/api/me", {"locale": "ru"})
    try:
        page = site.owner.get("/admin/status").text
    finally:
        site.owner.patch("/api/me", {"locale": "en"})
    main = page[page.index('<section class="verdict"') :]
    text = re.sub(r"<[^>]+>|&\w+;|“|”", " ", main)
    words = set(re.findall(r"\b[A-Za-z]{3,}\b", text))
    known = {"Redis", "MongoDB", "Valkey", "maxmemory", "olga", "boris"}
    known |= {"deploy", "backup", "mongodb", "docs"}  # names of files
    assert {word for word in words if word not in known and not word.isupper()} == set()
    versions_and_places = r"\d+\.\d+\.\d+[\d.:]*"
    assert re.search(r"\d,\d", text)
    assert re.findall(r"\d+\.\d+", re.sub(versions_and_places, " ", text)) == []


def test_a_killed_redis_is_said_in_one_sentence_and_its_return_too(site):
    """The last one here: it takes their Redis away."""
    redis = site.redis[0]
    redis.kill()
    said = eventually(lambda: (s := sentence(site.owner)).startswith("Running without") and s)
    assert re.match(
        r"Running without Redis since \d+:\d\d\s?.M\. Messages and log-ins keep working", said
    )
    page = site.owner.get("/admin/status/now").text
    assert "Check the Redis server and REDIS_URL" in page
    assert re.search(r"Next try in [\d.]+ s\.", page)
    assert "not responding" in page
    assert "Showing the last known figures, from " in page
    assert "of 1,000 at most" in page
    eventually(
        lambda: "Redis is not responding; the chat works" in site.owner.get("/admin/status").text
    )
    redis.start()
    eventually(lambda: sentence(site.owner) == "Everything works.")


def test_a_mongodb_that_hangs_is_said_and_the_page_is_still_shown(launch_app, tmp_path):
    from tests.support.servers import start_mongod

    mongod = start_mongod(tmp_path)
    app = launch_app(MONGODB_URI=mongod.uri)
    owner = Person(app.url, "olga").set_up()
    eventually(lambda: sentence(owner) == "Everything works.")
    mongod.process.popen.send_signal(19)
    try:
        eventually(lambda: sentence(owner, "/admin/status/now").startswith("MongoDB has not"))
        page = owner.get("/admin/status").text
        for what in ("Charts", "The last fire drill", "Percentages", "Changes"):
            assert f"{what} can't be shown while the database is not responding" in page, what
    finally:
        mongod.process.popen.send_signal(18)
    eventually(lambda: sentence(owner) == "Everything works.")
    owner.close()
    mongod.stop()
