"""A page misses no message: after a disconnect, and when one scrolls back."""

import pytest
from bson import ObjectId
from playwright.sync_api import expect
from pymongo import MongoClient

from tests.browser.conftest import Room
from tests.support.waiting import eventually

MARK = "window.stillTheSamePage = true"


def same_page(person) -> bool:
    return bool(person.page.evaluate("window.stillTheSamePage === true"))


def top_of(person, row) -> float:
    return float(row.evaluate("row => row.getBoundingClientRect().top"))


def numbered(count: int, word: str = "message") -> list[str]:
    return [f"{word} {number:03}" for number in range(1, count + 1)]


@pytest.fixture
def talk(request, room) -> Room:
    """So much was said before anybody came: a page that hears it all works for seconds."""
    room.ann_says(*numbered(request.param))
    return room


def said(count: int):
    return pytest.mark.parametrize("talk", [count], indirect=True)


def test_what_others_did_while_one_was_away_is_there_without_a_reload(ann, room, wire, site):
    room.bob_says("to be edited", "to be deleted", "stays")
    edited, deleted = ann.sees("to be edited"), ann.sees("to be deleted")
    ann.page.evaluate(MARK)
    ids = {text: row.get_attribute("data-id") for text, row in (("e", edited), ("d", deleted))}

    wire.cut()
    ann.offline()
    member = site.members["Bob"]
    assert member.patch(f"/api/messages/{ids['e']}", {"text": "was edited"}).ok
    assert member.delete(f"/api/messages/{ids['d']}").ok
    room.bob_says(*numbered(3, "meanwhile"))
    wire.mend()

    ann.online()
    ann.sees("meanwhile 003")
    assert same_page(ann)
    expect(ann.row("to be edited")).to_have_count(0)
    expect(ann.sees("was edited").locator(".message-edited")).to_be_visible()
    expect(ann.row("to be deleted")).to_have_count(0)
    seqs = ann.rows.evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")
    assert seqs == sorted(set(seqs))
    assert [text for text in ann.texts() if text.startswith("meanwhile")] == [
        f"meanwhile {number:03}" for number in (1, 2, 3)
    ]


@pytest.fixture
def answer_outside(site):
    """A message outside the stream takes the next numbers of a channel; nobody is told."""
    client = MongoClient(site.server.env["MONGODB_URI"])
    messages = client.get_default_database()["messages"]

    def store(channel_id: str) -> None:
        last = messages.find_one({"channel": ObjectId(channel_id)}, sort=[("seq", -1)])
        rev = messages.find_one({"channel": ObjectId(channel_id)}, sort=[("rev", -1)])["rev"] + 1
        own = {"_id": ObjectId(), "seq": last["seq"] + 1, "client_id": f"outside-{rev:04}"}
        numbers = {"rev": rev, "first_rev": rev, "taken": [rev]}
        outside = {"thread": last["_id"], "text": "outside", "html": "outside"}
        messages.insert_one(last | own | numbers | outside)

    yield store
    client.close()


def test_a_number_outside_the_stream_is_neither_shown_nor_waited_for(ann, room, answer_outside):
    room.bob_says("before")
    ann.sees("before")
    ann.page.evaluate(MARK)
    opened: list[str] = []
    ann.page.on("websocket", lambda socket: opened.append(socket.url))
    for number in range(3):
        answer_outside(ann.channel_id)
        room.bob_says(f"after {number}")
        ann.sees(f"after {number}")

    def held() -> list[int]:
        numbers = ann.rows.evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")
        return [number for number in numbers if number]

    assert held() == [1, 3, 5, 7]
    assert ann.texts() == ["before", "after 0", "after 1", "after 2"]
    assert same_page(ann)
    assert not opened
    ann.page.reload()
    ann.sees("after 2")
    assert held() == [1, 3, 5, 7]


def test_sixty_missed_messages_arrive_without_a_gap_or_a_reload(ann, room, wire):
    room.ann_says(*numbered(2, "old"))
    ann.sees("old 002")
    ann.page.evaluate(MARK)
    wire.cut()
    ann.offline()
    room.ann_says(*numbered(60, "new"))
    wire.mend()
    ann.online()
    ann.sees("new 060")
    assert same_page(ann)
    seqs = ann.rows.evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")
    assert seqs == list(range(seqs[0], seqs[-1] + 1))


@said(130)
def test_older_history_loads_steadily_back_to_the_first_message(talk, ann):
    expect(ann.rows).to_have_count(50)
    scroller = ann.page.locator("#scroller")
    while ann.rows.count() < 130:
        count = ann.rows.count()
        first = ann.page.locator(f"#{ann.rows.first.get_attribute('id')}")
        # Look at the first row from a little below the edge, then ask for what is above it.
        before = scroller.evaluate(
            """(box, id) => new Promise(done => {
                const row = document.getElementById(id);
                new MutationObserver((_, me) => { me.disconnect(); requestAnimationFrame(() =>
                    done([window.topBefore, row.getBoundingClientRect().top])); })
                    .observe(document.getElementById('messages'), {childList: true});
                row.scrollIntoView({block: 'start'});
                box.scrollTop += 7;
                window.topBefore = row.getBoundingClientRect().top;
            })""",
            first.get_attribute("id"),
        )
        assert abs(before[0] - before[1]) <= 1, before
        expect(ann.rows).not_to_have_count(count)
    expect(ann.rows).to_have_count(130)
    expect(ann.rows.first).to_contain_text("message 001")
    expect(ann.page.locator("#load-older")).to_be_hidden()
    seqs = ann.rows.evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")
    assert seqs == list(range(1, 131))
    expect(ann.page.locator("#messages .day")).to_have_count(1)


@said(45)
def test_who_reads_older_messages_is_not_pulled_down_by_new_ones(talk, ann):
    ann.sees("message 045")
    row = ann.row("message 020")
    row.evaluate("row => row.scrollIntoView({block: 'center'})")
    jump = ann.page.locator("#jump-latest")
    expect(jump).to_be_visible()
    before = top_of(ann, row)
    talk.bob_says("news from below")
    ann.sees("news from below")
    assert abs(top_of(ann, row) - before) <= 1
    expect(jump).to_contain_text("1")
    jump.click()
    expect(ann.row("news from below")).to_be_in_viewport()
    expect(jump).to_be_hidden()


@said(130)
def test_a_permalink_opens_its_message_in_context(talk, ann):
    ann.open(f"{talk.path}/m/20").online()
    row = ann.sees("message 020")
    expect(row).to_be_in_viewport()
    expect(row).to_be_focused()
    ann.sees("message 019")
    ann.sees("message 021")
    # What is said now does not land in the middle of the past, and one click leads to it.
    talk.bob_says("said just now")
    jump = ann.page.locator("#jump-latest")
    expect(jump).to_contain_text("1")
    expect(ann.row("said just now")).to_have_count(0)
    jump.click()
    expect(ann.row("said just now")).to_be_in_viewport()


def while_a_page_is_on_its_way(person, query: str, act) -> None:
    """The server has answered a request for history (the last page of them, if it is one for what
    comes after); before the answer arrives, `act`."""
    done: list[bool] = []

    def between(route) -> None:
        answer = route.fetch()
        if not done and not (query == "after=" and answer.json()["more"]):
            done.append(True)
            act()
            person.page.wait_for_timeout(500)  # for the push to overtake the answer
        route.fulfill(response=answer)

    person.page.route(f"**/api/channels/*/messages?{query}*", between)


@said(80)
def test_an_edit_that_overtakes_the_page_of_its_message_is_shown(talk, ann, site):
    member = site.members["Ann"]
    history = member.get(f"/api/channels/{ann.channel_id}/messages?limit=100").json()["messages"]
    early = next(message for message in history if message["text"] == "message 025")
    change = {"text": "was edited meanwhile"}
    while_a_page_is_on_its_way(
        ann, "before=", lambda: member.patch(f"/api/messages/{early['id']}", change)
    )
    ann.page.locator("#scroller").evaluate("box => (box.scrollTop = 0)")
    ann.sees("message 024")
    ann.sees("was edited meanwhile")


@pytest.mark.parametrize("way", ["after=", "limit="])
@said(130)
def test_what_is_said_while_the_newest_page_is_on_its_way_is_shown(talk, ann, way):
    ann.open(f"{talk.path}/m/20").online()
    while_a_page_is_on_its_way(ann, way, lambda: talk.bob_says("said meanwhile"))
    if way == "limit=":
        ann.page.locator("#jump-latest").click()
    while not ann.row("message 130").count():
        ann.page.locator("#scroller").evaluate("box => (box.scrollTop = box.scrollHeight)")
        ann.page.wait_for_timeout(200)
    ann.sees("said meanwhile")


def test_the_new_line_stands_above_what_came_while_nobody_looked(ann, room, site):
    room.bob_says("seen")
    ann.sees("seen")
    path = f"/api/channels/{ann.channel_id}"
    eventually(lambda: site.members["Ann"].get(path).json()["unread"] == 0)
    elsewhere = ann.open("/settings")
    room.bob_says("first new", "second new")
    assert site.members["Ann"].get(path).json()["unread"] == 2
    elsewhere.open(room.path).online()
    line = ann.page.locator("#messages .new-line")
    expect(line).to_have_count(1)
    following = line.evaluate("line => line.nextElementSibling.innerText")
    assert "first new" in following
    room.bob_says("third new")
    ann.sees("third new")
    expect(line).to_have_count(1)
    ann.page.keyboard.press("Escape")
    expect(line).to_have_count(0)


TOLD = """async events => {
  const { tell } = await import("/static/js/bus.js");
  for (const [name, detail] of events) tell(name, detail);
}"""


def test_a_push_that_comes_after_the_count_that_has_it_is_not_counted_again(ann):
    channel = ann.channel_id
    ann.open("/settings").online()

    def said(seq):
        message = {"channel": channel, "seq": seq, "author": {"id": "somebody"}}
        return "message:new", {"message": message}

    def counted(unread, seq):
        return "unread", {"channel": channel, "unread": unread, "last_seq": seq}

    shown = ann.page.locator(f'[data-channel-link="{channel}"]')
    ann.page.evaluate(TOLD, [counted(3, 1007), said(1006), said(1007), said(1008)])
    expect(shown).to_have_attribute("data-unread", "4")
    ann.page.evaluate(TOLD, [counted(9, 1005), said(1007), said(1009)])  # an older word
    expect(shown).to_have_attribute("data-unread", "5")
    ann.page.evaluate(TOLD, [counted(0, 0)])  # asked for before the channel's first message
    ann.page.evaluate(TOLD, [said(1010)])
    expect(shown).to_have_attribute("data-unread", "6")


# The page's own connection, found by way of another namespace, which is never opened.
BACK_OFF = """async () => {
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  const { io } = await import(loaded.find((name) => name.includes("/socket.io.")));
  const manager = io("/nowhere", { autoConnect: false }).io;
  if (!manager.engine || manager.engine.readyState !== "open") return "not the page's own";
  const wait = (attempt) => {
    manager.backoff.reset();
    for (let count = 1; count < attempt; count += 1) manager.backoff.duration();
    return manager.backoff.duration();
  };
  const often = (attempt) => Array.from({ length: 200 }, () => wait(attempt));
  const waits = Object.fromEntries([1, 2, 3, 10].map((attempt) => [attempt, often(attempt)]));
  manager.backoff.reset();
  return { again: manager.reconnection(), tries: String(manager.reconnectionAttempts()), waits };
}"""


def test_browsers_that_lost_a_server_come_back_each_in_its_own_time(ann):
    found = ann.page.evaluate(BACK_OFF)
    assert (found["again"], found["tries"]) == (True, "Infinity")
    for attempt, mean in (("1", 500), ("2", 1000), ("3", 2000)):
        waits = found["waits"][attempt]
        assert mean * 0.5 <= min(waits) < mean * 0.7  # of 200, some are on either side
        assert mean * 1.3 < max(waits) <= mean * 1.5
    assert max(found["waits"]["10"]) <= 8000  # however long the server was away
