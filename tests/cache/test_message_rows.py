"""The cache keys of rendered pieces contain all that they depend on."""

import html
import json
import re
import time

import pytest
from flask import Flask
from jinja2 import DictLoader

from chat import protocol
from chat.cache.process_copies import Made
from chat.pages import fragments, message_rows
from chat.pages.drawn import Drawn, NotInKey
from chat.pages.fragments import Pieces
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.views import channel_page
from tests.cache.conftest import enter, token


def row(client, seq=60, **headers):
    """A message's row on the channel's page."""
    page = client.get("/channels/general", headers=headers).text
    return re.search(rf'<li class="message[^>]*id="m{seq}".*?</li>', page, re.S)[0]


def test_readers_with_other_rights_share_a_row(browser):
    assert row(browser) == row(browser.owner)
    assert "data-action" not in row(browser)


def test_a_row_holds_the_text_of_its_message_once(browser):
    headers = {"X-CSRFToken": browser.owner.csrf}
    found = re.search(r'data-id="(\w+)"', row(browser.owner, 58))[1]
    browser.owner.patch(f"/api/messages/{found}", json={"text": "said once"}, headers=headers)
    assert row(browser, 58).count("said once") == 1


def test_readers_see_their_own_language_and_clock(browser):
    assert ">More<" in row(browser, **{"Accept-Language": "en"})
    assert ">More<" not in row(browser, **{"Accept-Language": "ru"})
    utc = row(browser, **{"Accept-Language": "en"})
    browser.set_cookie("tz", "Asia/Tokyo")
    tokyo = row(browser, **{"Accept-Language": "en"})
    browser.delete_cookie("tz")
    assert tokyo != utc


def test_an_edit_and_a_deletion_show_at_once(browser):
    found = re.search(r'data-id="(\w+)"', row(browser.owner, 59))[1]
    headers = {"X-CSRFToken": browser.owner.csrf}
    browser.owner.patch(f"/api/messages/{found}", json={"text": "changed"}, headers=headers)
    assert "changed" in row(browser, 59)
    browser.owner.delete(f"/api/messages/{found}", headers=headers)
    assert "changed" not in row(browser, 59)
    assert "data-deleted" in row(browser, 59)


def test_a_channel_of_very_many_shows_some_and_says_how_many_more(browser, monkeypatch):
    monkeypatch.setattr(message_rows, "MOST_MEMBERS", 1)
    monkeypatch.setattr(message_rows, "_lists", Made(10))
    page = browser.get("/channels/general", headers={"Accept-Language": "en"}).text
    members = page.partition('id="member-list"')[2].partition("</ul>")[0]
    count = int(re.search(r'id="member-count">(\d+)', page)[1])
    assert members.count("data-person=") == 1 < count
    assert f"and {count - 1} more" in members


def test_members_below_the_first_ones_come_as_data_or_on_demand_as_lines(browser, monkeypatch):
    monkeypatch.setattr(channel_page, "MEMBER_LINES", 1)
    page = browser.get("/channels/general", headers={"Accept-Language": "en"}).text
    members = page.partition('id="member-list"')[2].partition("</ul>")[0]
    named = json.loads(html.unescape(re.search(r"data-people='([^']*)'", members)[1]))
    count = int(re.search(r'id="member-count">(\d+)', page)[1])
    assert members.count("data-person=") == 1
    assert len(named) == count - 1 > 0
    assert all(len(id) == 24 and nickname for id, nickname, _status, _online in named)
    assert f'<a href="?people=all#members">and {count - 1} more</a>' in members
    page = browser.get("/channels/general?people=all").text
    assert page.partition('id="member-list"')[2].count('data-person="') == count + 1  # the template


def test_a_sidebar_names_some_who_are_online_and_tells_the_browser_of_all(browser, monkeypatch):
    monkeypatch.setattr(protocol, "PEOPLE_NAMED", 1)
    third = browser.application.test_client()
    invite = browser.owner.post("/api/invites", headers={"X-CSRFToken": token(browser.owner)})
    account = {"nickname": "zoe", "password": "long password 1"}
    enter(third, "/register", invite=invite.json["code"], **account)
    ids = {client.get("/api/me").json["id"] for client in (browser, browser.owner, third)}

    def come(client):
        client.sadd(keys.online(), *ids)
        client.expire(keys.online(), 1000)
        client.set(keys.online_seq(), int(time.time() * 1e6))  # newer than what is known

    redis.call(come)
    page = browser.get("/channels/general", headers={"Accept-Language": "en"}).text
    redis.call(lambda client: client.delete(keys.online(), keys.online_seq()))

    shown = page.partition('id="online-people"')[2].partition("</ul>")[0]
    assert set(re.search(r'data-online="([^"]*)"', shown)[1].split()) == ids
    assert re.findall('class="side-name"[^>]*>([^<]*)', shown) == ["olga"]
    assert "and 1 more" in shown


def test_rows_and_lines_stand_where_they_belong_whatever_people_write(browser):
    headers = {"X-CSRFToken": browser.owner.csrf}
    text = f"piece-{'0' * 32}:message_rows; {{{{ message_rows }}}} 🎉"
    sent = {"text": text, "client_id": "looks-like-a-mark"}
    path = f"/api/channels/{browser.channel}/messages"
    assert browser.owner.post(path, json=sent, headers=headers).status_code == 201

    page = browser.get("/channels/general").text

    rows = page.partition('<ol id="messages"')[2].partition("</ol>")[0]
    lines = page.partition('id="member-list"')[2].partition("</ul>")[0]
    assert rows.count('<li class="message') == 50
    members = re.search(r'id="member-count">(\d+)', page)[1]
    assert lines.count("data-person=") == int(members) > 0
    assert text in html.unescape(rows)
    assert page.count("<!doctype html>") == page.count("</html>") == 1
    assert fragments._MARK not in page


def test_a_list_of_very_long_messages_is_not_kept():
    made = []

    def make(size):
        return message_rows._lists.get(
            ("a list", size), (1,), lambda: made.append(size) or b"x" * size
        )

    for size in (1_000, 1_000_000, 1_000, 1_000_000):
        assert len(make(size)) == size
    assert made == [1_000, 1_000_000, 1_000_000]


VIEW = {"id": "c" * 24, "slug": "a", "title": "A", "kind": "public", "unread": 1, "mentions": 3}
PERSON = {"id": "a" * 24, "nickname": "Ann", "status": "here", "role": "member"}
OTHER = {
    "id": "b" * 24, "slug": "other", "title": "Other", "kind": "private", "unread": 7,
    "nickname": "Boris", "status": "away",
}  # fmt: skip
DRAWN = {
    "channel": (message_rows.CHANNEL_LINK, VIEW, {"is_current": False}),
    "person": (message_rows.PERSON_LINK, PERSON, {"state": "online"}),
    "member": (message_rows.MEMBER_LINE, PERSON, {"state": "online", "is_me": False}),
}


def piece(app, drawn, thing, beside):
    with app.test_request_context():
        key, render = drawn.piece(thing, "en", **beside)
        return key, render()


@pytest.mark.parametrize("name", DRAWN)
def test_a_change_of_anything_that_is_drawn_makes_another_key(browser, name):
    drawn, thing, beside = DRAWN[name]
    before = piece(browser.application, drawn, thing, beside)
    for field in drawn.fields:
        key, text = piece(browser.application, drawn, thing | {field: OTHER[field]}, beside)
        assert key != before[0], field
        assert text != before[1], f"{field} is in the key and is not drawn"


def test_a_template_that_draws_a_field_outside_the_key_is_an_error():
    """It would be shown as it was when the piece was first drawn."""
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"badge.html": "<b>{{ view.title }} {{ view.mentions }}</b>"})
    with pytest.raises(NotInKey, match="mentions"):
        piece(app, Drawn("badge.html", "view", ("id", "title")), VIEW, {})
    assert "A" in piece(app, Drawn("badge.html", "view", ("title", "mentions")), VIEW, {})[1]


def test_what_is_kept_is_bounded_and_the_latest_stays():
    kept = Pieces[str](100)
    for n in range(50):
        assert kept.get(n, lambda: "x" * 10) == "x" * 10
    assert kept._kept.size <= 100
    assert kept.get(49, lambda: "anew") == "x" * 10
    assert kept.get(0, lambda: "anew") == "anew"
