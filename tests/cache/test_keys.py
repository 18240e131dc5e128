"""What is really in Redis after a day of use is what chat/cache/keys.py declares, and no more."""

import re
from fnmatch import fnmatchcase

from chat.cache import keys
from chat.cli import KEYS_PAGE
from chat.extensions import redis

REQUIRED = {
    "session:*": ("string", 86400),
    "cache:users:list": ("zset", 300),
    "cache:users:online": ("set", 30),
    "cache:channels:list": ("hash", 300),
    "cache:channel:users:*": ("set", 120),
    "cache:messages:recent:*": ("list", 60),
    "cache:emoji:classics": ("hash", 86400),
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
        assert redis.call(lambda r, n=name: r.type(n)) == kind, name
        if most is not None:
            assert 0 < redis.call(lambda r, n=name: r.ttl(n)) <= most, name
    used = {s.name for s in keys.STRUCTURES if any(fnmatchcase(n, s.name) for n in found)}
    # Nobody is connected by a socket in this process, and nobody talks directly.
    assert used >= set(REQUIRED) - {"cache:users:online"}


def declared(name, lifetimes):
    """(type, longest lifetime in seconds or None) of a key that was found."""
    for structure in keys.STRUCTURES:
        if fnmatchcase(name, structure.name):
            return structure.type, lifetimes[structure.ttl]
    for pattern, (kind, meaning) in keys.HELPERS.items():
        if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name):
            return kind, None if "no TTL" in meaning else 86400
    raise AssertionError(f"{name} is not declared in chat/cache/keys.py")


def a_day_of_use(browser):
    """A bit of everything through the front door."""
    from chat.services import emoji

    page = browser.get("/settings").text
    csrf = {"X-CSRFToken": re.search(r'csrf-token" content="([^"]*)"', page)[1]}
    made = browser.post("/api/channels", json={"name": "Daily", "kind": "private"}, headers=csrf)
    path = f"/api/channels/{made.json['id']}"
    sent = browser.post(
        f"{path}/messages", json={"text": "hi 🎉", "client_id": "daily-0001"}, headers=csrf
    )
    browser.patch(f"/api/messages/{sent.json['id']}", json={"text": "hello 🎉"}, headers=csrf)
    browser.post(f"{path}/read", json={"seq": 1}, headers=csrf)
    browser.patch("/api/me", json={"status": "here"}, headers=csrf)
    with browser.application.app_context():
        emoji.flush()
    for page in ("/channels/daily", "/channels/general", "/channels", "/settings", "/api/users",
                 "/api/channels", "/api/emoji", f"{path}/users", f"{path}/messages"):  # fmt: skip
        assert browser.get(page).status_code == 200, page
