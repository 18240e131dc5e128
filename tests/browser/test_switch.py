"""Another channel takes its place on the page that is there; the page, and its connection, stay."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import session_of
from tests.browser.person import Person
from tests.support.waiting import eventually

MARK = "window.pageOfBefore = true"
IS_MARKED = "window.pageOfBefore === true"
SLOW_LINE = "Object.defineProperty(navigator, 'connection', {value: {saveData: true}})"


@pytest.fixture
def rooms(site) -> list[dict]:
    """Three channels of Ann's and Bob's, with a word in each."""
    ann, bob = site.members["Ann"], site.members["Bob"]
    made = [bob.new_channel() for _ in range(3)]
    for number, channel in enumerate(made):
        assert ann.post(f"/api/channels/{channel['id']}/join").status_code == 204
        ann.say(channel, f"first word of {number}")
    return made


@pytest.fixture
def ann(site, meet, wire, rooms) -> Callable[..., Person]:
    """Ann in the first of the channels, on a page that can be told from any later one."""

    def make(**options: object) -> Person:
        person = meet("Ann", wire.url, storage_state=session_of(site.members["Ann"]), **options)
        person.open(path(rooms[0])).online()
        person.page.evaluate(MARK)
        return person

    return make


def path(channel: dict) -> str:
    return f"/channels/{channel['slug']}"


def link(person: Person, channel: dict):
    return person.page.locator(f"#channel-links [href='{path(channel)}']")


def is_at(person: Person, channel: dict) -> None:
    """All of the page says that it shows this channel."""
    page = person.page
    page.wait_for_url(f"**{path(channel)}")
    expect(page.locator("main#channel")).to_have_attribute("data-channel-id", channel["id"])
    expect(page.locator("main#channel:not([data-leaving])")).to_have_count(1)
    expect(page.locator("#sidebar [aria-current]")).to_have_attribute("href", path(channel))
    expect(page).to_have_title(re.compile(re.escape(channel["name"])))


def is_in_place(person: Person) -> bool:
    return bool(person.page.evaluate(IS_MARKED))


@contextmanager
def asks(page: Page) -> Iterator[SimpleNamespace]:
    """What the page asks of the server meanwhile; files that never change are none of it."""
    heard = SimpleNamespace(urls=[], sockets=[])

    def note(request) -> None:
        if "/static/" not in request.url:
            heard.urls.append(re.sub("^https?://[^/]+", "", request.url))

    page.on("request", note)
    page.on("websocket", lambda socket: heard.sockets.append(socket))
    yield heard
    page.remove_listener("request", note)


def test_a_click_asks_for_the_channel_once_and_the_connection_stays(ann, rooms):
    reader = ann()
    reader.page.wait_for_timeout(600)  # what a page asks for once after it has connected
    with asks(reader.page) as asked:
        link(reader, rooms[1]).click()
        is_at(reader, rooms[1])
        reader.sees("first word of 1")
        expect(reader.composer).to_be_focused()
        assert asked.urls == [path(rooms[1])]
    assert not asked.sockets
    assert is_in_place(reader)
    reader.write("written after it")
    reader.sees_stored("written after it")


def test_back_and_forward_show_what_was_there(ann, rooms):
    reader = ann()
    for channel in rooms[1:]:
        link(reader, channel).click()
        is_at(reader, channel)
    reader.page.go_back()
    is_at(reader, rooms[1])
    reader.page.go_back()
    is_at(reader, rooms[0])
    reader.sees("first word of 0")
    reader.page.go_forward()
    is_at(reader, rooms[1])
    reader.sees("first word of 1")
    assert is_in_place(reader)


def test_each_channel_keeps_its_draft_and_its_place(site, ann, rooms):
    for number in range(40):
        site.members["Ann"].say(rooms[0], f"line {number:02}")
    reader = ann()
    row = reader.row("line 10")
    row.evaluate("row => row.scrollIntoView({block: 'start'})")
    reader.composer.fill("unfinished")
    top = row.bounding_box()["y"]
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    expect(reader.composer).to_have_value("")
    reader.composer.fill("another one")
    link(reader, rooms[0]).click()
    is_at(reader, rooms[0])
    expect(reader.composer).to_have_value("unfinished")
    assert abs(row.bounding_box()["y"] - top) <= 1
    reader.page.go_back()
    expect(reader.composer).to_have_value("another one")
    expect(reader.page.locator(".composer-count")).to_have_count(1)
    assert is_in_place(reader)


def test_a_visited_channel_needs_no_page_and_is_brought_up_to_date(site, ann, rooms):
    reader, bob = ann(), site.members["Bob"]
    kept = bob.say(rooms[0], "as it was")
    reader.sees("as it was")
    here = f"/api/channels/{rooms[0]['id']}"
    eventually(lambda: site.members["Ann"].get(here).json()["unread"] == 0)
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    assert bob.patch(f"/api/messages/{kept['id']}", {"text": "as it is"}).ok
    bob.say(rooms[0], "said meanwhile")
    expect(reader.unread(rooms[0]["name"])).to_have_text("1")
    with asks(reader.page) as asked:
        link(reader, rooms[0]).click()
        is_at(reader, rooms[0])
        reader.sees("as it is")
        expect(reader.row("as it was")).to_have_count(0)
        row = reader.sees("said meanwhile")
    assert [url for url in asked.urls if url.startswith("/channels")] == []
    above = row.evaluate("row => row.previousElementSibling.className")
    assert above == "new-line"
    expect(reader.unread(rooms[0]["name"])).to_have_count(0)


def test_messages_are_changed_in_whichever_channel_is_shown(ann, rooms):
    reader = ann()
    reader.write("mine in the first")
    reader.act(reader.sees_stored("mine in the first"), "edit")
    reader.page.keyboard.press("Escape")
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    reader.act(reader.sees("first word of 1"), "edit")
    reader.page.locator(".edit-text").fill("changed in the second")
    reader.page.keyboard.press("Enter")
    reader.sees("changed in the second")
    link(reader, rooms[0]).click()
    is_at(reader, rooms[0])
    reader.act(reader.sees("mine in the first"), "edit")
    reader.page.locator(".edit-text").fill("changed in the first")
    reader.page.keyboard.press("Enter")
    reader.sees("changed in the first")


def test_who_has_missed_much_is_told_where_reading_stopped(site, ann, rooms):
    reader, bob = ann(), site.members["Bob"]
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    for number in range(60):
        bob.say(rooms[0], f"news {number:02}")
    expect(reader.unread(rooms[0]["name"])).to_have_text("60")
    link(reader, rooms[0]).click()
    is_at(reader, rooms[0])
    expect(reader.page.locator("#unread-bar")).to_contain_text("60 new messages since")
    assert is_in_place(reader)


def test_nobody_is_shown_offline_by_a_switch(site, ann, rooms):
    watcher = site.members["Bob"].tab()
    reader = ann()
    for _ in range(3):
        for channel in rooms:
            link(reader, channel).click()
            is_at(reader, channel)
    gone = {person for data in watcher.heard("presence") for person in data.get("offline", [])}
    assert site.members["Ann"].id not in gone
    reader.write("still here")
    watcher.hears("still here")


def test_the_last_of_many_quick_keys_decides(ann, rooms):
    reader = ann()
    order = reader.page.locator("#channel-links a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    start = order.index(path(rooms[0]))
    count = len(order) + 3
    for _ in range(count):
        reader.page.keyboard.press("Alt+ArrowDown")
        reader.page.wait_for_timeout(100)
    reader.page.wait_for_url(f"**{order[(start + count) % len(order)]}")
    expect(reader.page.locator("main#channel:not([data-leaving])")).to_have_count(1)
    expect(reader.composer).to_be_focused()
    assert is_in_place(reader)


def test_a_late_answer_of_an_earlier_choice_changes_nothing(ann, rooms):
    reader = ann()
    held: list[Route] = []
    reader.page.route(f"**{path(rooms[1])}", lambda route: held.append(route))
    link(reader, rooms[1]).click()
    expect(reader.page.locator("main[data-leaving]")).to_have_count(1)
    link(reader, rooms[2]).click()
    is_at(reader, rooms[2])
    for route in held:
        route.continue_()
    reader.page.wait_for_timeout(300)
    is_at(reader, rooms[2])
    reader.page.go_back()
    is_at(reader, rooms[0])


def test_a_double_click_is_one(ann, rooms):
    reader = ann()
    before = reader.page.evaluate("history.length")
    with asks(reader.page) as asked:
        link(reader, rooms[1]).dblclick()
        is_at(reader, rooms[1])
    assert asked.urls.count(path(rooms[1])) == 1
    assert reader.page.evaluate("history.length") == before + 1
    expect(reader.composer).to_be_focused()


def test_two_tabs_go_their_own_ways(ann, rooms):
    reader = ann()
    other = reader.another_tab().online()
    link(reader, rooms[1]).click()
    link(other, rooms[2]).click()
    is_at(reader, rooms[1])
    is_at(other, rooms[2])
    other.write("from the other tab")
    other.sees_stored("from the other tab")
    link(reader, rooms[2]).click()
    reader.sees("from the other tab")


def test_without_a_server_what_was_visited_is_there_and_the_rest_says_why_not(ann, rooms, wire):
    reader = ann()
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    wire.cut()
    reader.offline()
    reader.composer.fill("still typing")
    link(reader, rooms[2]).click()
    expect(reader.page.locator("#toasts")).to_contain_text("There is no connection")
    is_at(reader, rooms[1])
    expect(reader.composer).to_have_value("still typing")
    link(reader, rooms[0]).click()
    is_at(reader, rooms[0])
    reader.sees("first word of 0")
    reader.write("written without a server")
    wire.mend()
    reader.online()
    reader.sees_stored("written without a server")
    assert is_in_place(reader)


def test_a_channel_that_one_was_removed_from_is_not_shown_again(site, meet):
    ann, bob = site.members["Ann"], site.members["Bob"]
    made = [bob.new_channel("private") for _ in range(2)]
    for channel in made:
        people = f"/api/channels/{channel['id']}/people/{ann.id}"
        assert bob.post(people).status_code == 204
    bob.say(made[0], "for members only")
    reader = meet("Ann", site.url, storage_state=session_of(ann)).open(path(made[0])).online()
    reader.sees("for members only")
    link(reader, made[1]).click()
    is_at(reader, made[1])
    people = f"/api/channels/{made[0]['id']}/people/{ann.id}"
    assert bob.delete(people).status_code == 204
    expect(link(reader, made[0])).to_have_count(0)
    reader.page.go_back()
    expect(reader.page.locator("main")).not_to_have_attribute("data-channel-id", made[0]["id"])
    expect(reader.page.get_by_text("for members only")).to_have_count(0)


def test_keys_and_the_switcher_stay_on_the_page(ann, rooms):
    reader = ann()
    reader.page.keyboard.press("Control+k")
    reader.page.keyboard.type(rooms[2]["name"])
    reader.page.keyboard.press("Enter")
    is_at(reader, rooms[2])
    expect(reader.composer).to_be_focused()
    reader.page.keyboard.press("Alt+ArrowUp")
    expect(reader.page.locator("#sidebar [aria-current]")).not_to_have_attribute(
        "href", path(rooms[2])
    )
    expect(reader.composer).to_be_focused()
    assert is_in_place(reader)


def test_a_conversation_is_a_channel_before_and_after_its_first_message(site, ann, rooms, meet):
    reader = ann()
    reader.page.locator("#member-list [href='/dm/Ann']").click()
    reader.page.wait_for_url("**/dm/Ann")
    reader.write("a note of my own")
    reader.sees_stored("a note of my own")
    link(reader, rooms[0]).click()
    is_at(reader, rooms[0])
    reader.page.go_back()
    reader.page.wait_for_url("**/dm/Ann")
    reader.sees("a note of my own")
    assert is_in_place(reader)


def test_another_release_or_log_in_is_loaded_as_a_page(site, meet, rooms):
    session = session_of(site.members["Ann"].again())
    reader = meet("Ann", site.url, storage_state=session).open(path(rooms[0])).online()
    reader.page.evaluate(MARK)
    reader.page.evaluate("document.body.dataset.edition = 'an older one'")
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    assert not is_in_place(reader)
    reader.online()
    reader.page.evaluate(MARK)
    other = reader.another_tab()
    other.page.click("form[action='/logout'] button")
    reader.page.wait_for_timeout(100)
    link(reader, rooms[2]).click()
    reader.page.wait_for_url("**/login?next=*")


def test_what_is_not_there_is_the_ordinary_page_of_errors(ann, rooms):
    reader = ann()
    link(reader, rooms[1]).evaluate("link => (link.href = '/channels/no-such-channel')")
    reader.page.click("#channel-links [href='/channels/no-such-channel']")
    reader.page.wait_for_url("**/no-such-channel")
    expect(reader.page.locator("main#channel[data-channel-id]")).to_have_count(0)


@pytest.mark.parametrize("saves_data", [False, True])
def test_a_link_under_the_pointer_is_fetched_ahead_once(ann, rooms, saves_data):
    reader = ann()
    if saves_data:
        reader.page.evaluate(SLOW_LINE)
    with asks(reader.page) as asked:
        link(reader, rooms[1]).hover()
        if saves_data:
            reader.page.wait_for_timeout(300)
            assert path(rooms[1]) not in asked.urls
            return
        with reader.page.expect_response(f"**{path(rooms[1])}"):
            link(reader, rooms[2]).hover()
            link(reader, rooms[1]).hover()
        link(reader, rooms[1]).click()
        is_at(reader, rooms[1])
    assert asked.urls.count(path(rooms[1])) == 1


def test_on_a_narrow_window_the_panel_closes_and_leaves_no_trace(ann, rooms):
    reader = ann(viewport={"width": 390, "height": 780})
    reader.page.click("[data-opens=sidebar]")
    expect(reader.page.locator("#sidebar")).to_be_in_viewport()
    link(reader, rooms[1]).click()
    is_at(reader, rooms[1])
    expect(reader.page.locator("#sidebar")).not_to_be_in_viewport()
    assert is_in_place(reader)
    reader.page.go_back()
    is_at(reader, rooms[0])
    expect(reader.page.locator("#sidebar")).not_to_be_in_viewport()


def test_without_a_script_each_link_is_an_ordinary_page(ann, rooms, site, meet):
    member = site.members["Ann"]
    reader = meet(
        "Ann", site.url, storage_state=session_of(member), java_script_enabled=False
    ).open(path(rooms[0]))
    link(reader, rooms[1]).click()
    reader.page.wait_for_url(f"**{path(rooms[1])}")
    reader.sees("first word of 1")
    expect(link(reader, rooms[1])).to_have_attribute("aria-current", "page")


@pytest.mark.long
def test_five_hundred_switches_leave_nothing_behind(ann, rooms):
    reader = ann()
    watch = reader.context.new_cdp_session(reader.page)

    def go_round(times: int) -> None:
        for _ in range(times):
            for channel in [*rooms[1:], rooms[0]]:
                link(reader, channel).evaluate("link => link.click()")
                main = reader.page.locator(f"main[data-channel-id='{channel['id']}']")
                main.wait_for(state="attached")

    def held() -> dict[str, int]:
        watch.send("HeapProfiler.collectGarbage")
        counters = watch.send("Memory.getDOMCounters")
        used = watch.send("Runtime.getHeapUsage")["usedSize"]
        return {**counters, "heap": used}

    go_round(20)
    before = held()
    go_round(167)
    after = held()
    assert after["documents"] <= before["documents"] + 2
    assert after["nodes"] <= before["nodes"] * 1.1 + 200, (before, after)
    assert after["jsEventListeners"] <= before["jsEventListeners"] * 1.1 + 20, (before, after)
    assert after["heap"] <= before["heap"] + 1_500_000, (before, after)
