"""After much use, Redis holds exactly what chat/redis_schema/keys.py declares."""

import json
import re
from fnmatch import fnmatchcase
from uuid import uuid4

from chat.auth.token_mask import unmask
from chat.cli import KEYS_PAGE
from chat.redis.client import redis
from chat.redis_schema import keys
from tests.cache import stored
from tests.cache.conftest import CSRF
from tests.support.servers import SHARED_APP
from tests.support.waiting import eventually

REQUIRED = {
    "session:*": ("string", 86400),
    "cache:users:list": ("zset", 300),
    "cache:users:online": ("set", 30),
    "cache:channels:list": ("hash", 300),
    "cache:channel:users:*": ("set", 120),
    "cache:messages:recent:*": ("list", 60),
    "cache:emoji:classics": ("hash", 86400),
}

SESSION = {"userId", "nickname", "role", "csrfToken"}
PROFILE = {
    "id", "nickname", "role", "status", "active", "auth_gen", "locale", "theme", "created_at",
}  # fmt: skip
CHANNEL = {
    "id", "slug", "former_slugs", "name", "topic", "kind", "archived", "created_by",
}  # fmt: skip
MESSAGE = {
    "seq", "id", "rev", "channel", "author", "text", "html", "created_at", "edited_at", "deleted",
    "client_id", "reactions",
}  # fmt: skip
ID = re.compile(r"[0-9a-f]{24}\Z")
LINE = re.compile(r"\d+ [0-9a-f]{24} [0-3]\Z")


def fields(text):
    """The names in a JSON object."""
    return set(json.loads(text))


# What each structure holds, an element at a time, beside the markers of emptiness.
HELD = {
    "session:*": lambda text: fields(text) >= SESSION,
    "cache:users:list": lambda uid, score: ID.match(uid) and is_millis(score),
    "cache:users:profile:*": lambda text: fields(text) == PROFILE,
    "cache:channels:list": lambda cid, text: ID.match(cid) and fields(text) == CHANNEL,
    "cache:channels:direct:*": lambda text: fields(text) == CHANNEL | {"people"},
    "cache:channel:users:*": lambda uid: ID.match(uid),
    "cache:messages:recent:*": lambda text: fields(text) == MESSAGE,
    "cache:messages:tail:*": lambda line: LINE.match(line),
    "cache:users:marks:*": lambda cid, seq: ID.match(cid) and seq.isdecimal(),
    "cache:emoji:classics": lambda emoji, count: emoji and count.isdecimal(),
    "cache:site": lambda text: fields(text) == {"name", "open_registration"},
}


def test_the_required_structures_are_declared_with_their_types_and_lifetimes(app):
    declared = {s.name: (s.type, app.config[s.ttl]) for s in keys.STRUCTURES}
    assert {name: declared[name] for name in REQUIRED} == REQUIRED


def test_the_page_about_redis_is_what_the_code_declares():
    assert KEYS_PAGE.read_text(encoding="utf-8") == keys.document()


def test_after_a_day_of_use_every_key_is_declared_and_lives_as_long_as_it_says(browser):
    a_day_of_use(browser)
    lifetimes = browser.application.config
    found = redis.call(lambda r: list(r.scan_iter("*")))
    assert len(found) > 20

    for name in found:
        kind, most = declared(name, lifetimes)
        left = redis.call(lambda r, n=name: r.pttl(n))
        if left == -2:
            continue  # it went while we looked at the others
        assert redis.call(lambda r, n=name: r.type(n)) in (kind, "none"), name
        if most is not None:
            assert 0 <= left <= most * 1000, name
    used = {s.name for s in keys.STRUCTURES if any(fnmatchcase(n, s.name) for n in found)}
    # Nobody is connected by a socket in this process, and nobody talks directly.
    assert used >= set(REQUIRED) - {"cache:users:online"}


def test_after_a_day_of_use_every_key_holds_what_it_is_declared_to_hold(browser):
    a_day_of_use(browser)
    with browser.application.app_context():
        assert stored.wrong() == {}
        found = {name: stored.contents(name) for name in stored.names("*")}
    seen = set()
    for name, held in found.items():
        pattern = next((pattern for pattern in HELD if fnmatchcase(name, pattern)), None)
        if pattern is None:
            continue
        for element in elements(stored.beside_the_marker(name, held)):
            parts = element if isinstance(element, tuple) else (element,)
            assert HELD[pattern](*parts), (name, element)
            seen.add(pattern)
    # Nobody talks directly here; the next test is about who is online.
    assert seen >= HELD.keys() - {"cache:channels:direct:*"}
    assert {s.name for s in keys.STRUCTURES} == HELD.keys() | {"cache:users:online"}


def test_a_session_holds_who_it_is(browser):
    me = browser.get("/api/me").json
    sid = browser.get_cookie("session").value
    held = json.loads(redis.call(lambda r: r.get(f"session:{sid}")))
    assert (held["userId"], held["nickname"], held["role"]) == (
        me["id"],
        me["nickname"],
        me["role"],
    )
    assert held["csrfToken"] == unmask(CSRF.search(browser.get("/settings").text)[1])


def test_who_is_connected_is_in_the_set_of_people_online(new_person, valkey):
    client, person = valkey.client(SHARED_APP), new_person()
    tab = person.tab()
    eventually(lambda: person.id in client.smembers("cache:users:online"))
    assert client.type("cache:users:online") == "set"
    assert 0 < client.ttl("cache:users:online") <= REQUIRED["cache:users:online"][1]
    assert all(ID.match(uid) for uid in client.smembers("cache:users:online"))

    tab.close()

    eventually(lambda: person.id not in client.smembers("cache:users:online"))


def is_millis(score):
    """A moment of this century in ms."""
    return score == int(score) and 1e12 < score < 4e12


def elements(held):
    """The members of a set, the lines of a list, the pairs of a hash or zset, or the one text."""
    if held is None or isinstance(held, str):
        return [held] if held else []
    return list(held.items() if isinstance(held, dict) else held)


def declared(name, lifetimes):
    """(type, longest lifetime in seconds or None) of a key that was found."""
    for structure in keys.STRUCTURES:
        if fnmatchcase(name, structure.name):
            return structure.type, lifetimes[structure.ttl]
    for pattern, (kind, meaning) in keys.HELPERS.items():
        if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name):
            return kind, None if "no TTL" in meaning else 86400
    raise AssertionError(f"{name} is not declared in chat/redis_schema/keys.py")


def a_day_of_use(browser):
    """A bit of everything through the front door."""
    from chat.services import emoji

    page = browser.get("/settings").text
    csrf = {"X-CSRFToken": re.search(r'csrf-token" content="([^"]*)"', page)[1]}
    made = browser.post("/api/channels", json={"name": "Daily", "kind": "private"}, headers=csrf)
    path = f"/api/channels/{made.json['id']}"
    sent = browser.post(
        f"{path}/messages", json={"text": "hi 🎉", "client_id": uuid4().hex}, headers=csrf
    )
    browser.patch(f"/api/messages/{sent.json['id']}", json={"text": "hello 🎉"}, headers=csrf)
    browser.post(f"{path}/read", json={"seq": 1}, headers=csrf)
    browser.patch("/api/me", json={"status": "here"}, headers=csrf)
    with browser.application.app_context():
        emoji.flush()
    slug = made.json["slug"]
    for page in (f"/channels/{slug}", "/channels/general", "/channels", "/settings", "/api/users",
                 "/api/channels", "/api/emoji", f"{path}/users", f"{path}/messages"):  # fmt: skip
        assert browser.get(page).status_code == 200, page
