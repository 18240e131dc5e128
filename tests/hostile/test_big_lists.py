"""Lists of people, channels and invites: an answer has a part of them, however many there are.

The rest is counted, or a page away, or found by name.
"""

import re
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient

from chat.models import Channel, User, ensure_indexes
from chat.presence import online_set
from chat.protocol import PEOPLE_NAMED
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.services import accounts, channels, invites, sidebar, users
from chat.services.directory import IN_PAGE
from tests.cache.conftest import enter
from tests.support import masses
from tests.support.emptied import empty_redis

ACCOUNTS, CHANNELS, OWN, INVITES, ONLINE = 20_000, 10_000, 1_000, 20_000, 5_000
LONGEST_NAME = "&" * 74  # five characters of HTML for one of text
MOST_BYTES = 500_000
ROW = re.compile(r'<tr[^>]*><th scope="row">.*?<span>([^<]+)')


@pytest.fixture
def owner(app: Flask) -> Any:
    """The owner of an empty installation, in a browser."""
    with app.app_context():
        ensure_indexes()
        empty_redis()
        browser = app.test_client()
        enter(browser, "/setup", site_name="Site", nickname="olga", password="long password 1")
        yield browser


def own_id(browser: FlaskClient) -> ObjectId:
    return ObjectId(browser.get("/api/me").json["id"])


def come_online(ids: list[ObjectId]) -> None:
    """As if each had a connection to another process."""
    held = {str(uid): 1 for uid in ids}
    redis.call(lambda client: client.hset(keys.presence("count"), mapping=held))
    online_set.everybody.rewrite(60)


def test_no_list_makes_an_answer_big(owner: FlaskClient) -> None:
    me = own_id(owner)
    crowd = masses.people(f"{n:06} {'&' * 25}" for n in range(ACCOUNTS))
    made = masses.channels((f"{n:05} {LONGEST_NAME}" for n in range(CHANNELS)), me,
                           topic="&" * 250)  # fmt: skip
    masses.join(made[:OWN], me)
    masses.directs(crowd[:OWN], me)
    masses.invites(INVITES, me)
    come_online(crowd[:ONLINE])
    general = Channel.named()[0]["slug"]
    sizes = {
        path: len(owner.get(path).data)
        for path in (
            "/admin", "/admin?page=100", "/admin?q=1", "/admin?invites=500",
            "/channels", "/channels?q=1", "/channels?page=100",
            "/channels?show=direct", "/channels?show=unread",
            "/settings", f"/channels/{general}", "/api/users/online",
        )
    }  # fmt: skip
    assert {path: size for path, size in sizes.items() if size > MOST_BYTES} == {}


def test_the_most_in_each_list_is_bounded_by_size() -> None:
    """Each thing as long as it may be, in four bytes a character or escaped."""
    link, row, person, invite = 80 * 5 * 2 + 500, (80 * 3 + 250) * 5 + 1000, 32 * 5 * 9 + 1500, 900
    assert 2 * sidebar.MOST_LINKS * link < 2 * MOST_BYTES
    assert IN_PAGE * row < MOST_BYTES
    assert accounts.IN_PAGE * person < MOST_BYTES
    assert invites.IN_PAGE * invite < MOST_BYTES
    assert users.MOST_ONLINE * 27 < MOST_BYTES


def test_accounts_come_in_pages_and_are_found_by_name(owner: FlaskClient) -> None:
    masses.people(f"person-{n:03}" for n in range(accounts.IN_PAGE + 20))
    pages = [owner.get(f"/admin?page={n}").text for n in (1, 2)]
    names = [name.strip() for text in pages for name in ROW.findall(text)]
    assert names == ["olga", *(f"person-{n:03}" for n in range(accounts.IN_PAGE + 20))]
    assert 'rel="next"' in pages[0]
    assert 'rel="prev"' not in pages[0]
    assert 'rel="prev"' in pages[1]
    assert 'rel="next"' not in pages[1]
    found = owner.get("/admin?q=ON-03").text
    assert [name.strip() for name in ROW.findall(found)] == [
        f"person-{n:03}" for n in range(30, 40)
    ]
    assert "Nobody found" in owner.get("/admin?q=.*").text
    assert "Nobody found" in owner.get("/admin?q=" + "x" * 500).text
    for page in ("0", "-3", "99999999999999999999", "x"):
        assert owner.get(f"/admin?page={page}").status_code == 200


def test_deactivated_people_are_found_as_well_and_one_comes_back_to_the_same_place(
    owner: FlaskClient,
) -> None:
    made = masses.people([f"person-{n:03}" for n in range(accounts.IN_PAGE + 20)])
    place = "?q=person&page=2"
    text = owner.get(f"/admin{place}").text
    assert f'/admin/people/{made[-1]}/deactivate?q=person&amp;page=2"' in text
    asked = owner.get(f"/admin/people/{made[-1]}/deactivate{place}").text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked))
    answer = owner.post(f"/admin/people/{made[-1]}/deactivate", data=form)
    assert answer.headers["Location"].endswith("&q=person&page=2#people")
    after = owner.get(answer.headers["Location"].removesuffix("#people")).text
    assert "is deactivated" in after
    assert not User.raw(made[-1])["active"]
    assert "person-069" in owner.get("/admin?q=069").text


def test_the_notice_of_an_action_names_a_person_of_another_page(owner: FlaskClient) -> None:
    made = masses.people(f"person-{n:03}" for n in range(accounts.IN_PAGE + 20))
    assert "Role of person-069" in owner.get(f"/admin?done=role&who={made[-1]}").text


def test_invites_come_newest_first_a_page_at_a_time_and_expired_ones_are_gone(
    owner: FlaskClient,
) -> None:
    masses.invites(invites.IN_PAGE + 5, own_id(owner))
    links = re.compile(r"/join/([\w-]+)\"")
    first, older = (links.findall(owner.get(f"/admin?invites={n}").text) for n in (1, 2))
    assert len(first) == invites.IN_PAGE
    made = [f"invite-{n:06}" for n in range(1, invites.IN_PAGE + 6)]
    assert [code for code in first + older if code.startswith("invite-")] == made
    assert 'rel="next" href="?invites=2#invites"' in owner.get("/admin").text


def test_a_crowd_is_named_in_part_and_counted(owner: FlaskClient) -> None:
    come_online(masses.people(f"person-{n:04}" for n in range(users.MOST_ONLINE + 30)))
    told = owner.get("/api/users/online").json
    assert len(told["users"]) == users.MOST_ONLINE
    assert told["more"] == 30
    text = owner.get("/settings").text
    assert len(re.search(r'data-online="([^"]*)"', text)[1].split()) == users.MOST_ONLINE
    assert 'data-more="30"' in text
    assert f"and {users.MOST_ONLINE + 30 - PEOPLE_NAMED} more" in text


def test_whoever_is_online_is_shown_so_on_a_page_though_not_named(owner: FlaskClient) -> None:
    crowd = masses.people(f"person-{n:04}" for n in range(users.MOST_ONLINE + 30))
    left_out = max(crowd)  # the newest account
    masses.directs([left_out], own_id(owner))
    come_online(crowd)
    assert str(left_out) not in owner.get("/api/users/online").json["users"]
    text = owner.get("/settings").text
    assert f'data-presence="{left_out}" data-state="online"' in text


def test_ones_own_channels_can_be_asked_for_alone(owner: FlaskClient) -> None:
    me = own_id(owner)
    made = masses.channels((f"room {n}" for n in range(5)), me)
    masses.join(made[:2], me)
    own = owner.get("/api/channels?member=true").json["channels"]
    assert [channel["name"] for channel in own] == ["general", "room 0", "room 1"]
    assert len(owner.get("/api/channels").json["channels"]) == 6
    assert channels.MOST_CHARACTERS < MOST_BYTES
