"""Visitors without an account leave almost no data in MongoDB and Redis."""

from typing import Any

import pytest
import requests
from pymongo import MongoClient

from tests.support.people import NOBODY, Person
from tests.support.processes import AppProcess

VISITS = 200
PAGES = ("/login", "/register", "/register?invite=guess-{n}", "/join/guess-{n}", "/channels/no-{n}",
         "/dm/nobody-{n}", "/messages/" + NOBODY, "/?n={n}", "/static/no-{n}.css",
         "/api/users/" + NOBODY, "/api/channels/{n}/messages", "/api/no/{n}")  # fmt: skip


def kept(app: AppProcess, client: Any) -> tuple[set[str], dict[str, int]]:
    """The keys in Redis that nobody else writes meanwhile, and how much MongoDB has of what."""
    names = {name for name in client.scan_iter(count=1000) if not name.startswith("limit:")}
    with MongoClient(app.env["MONGODB_URI"]) as mongo:
        database = mongo.get_default_database()
        counts = {
            name: database[name].estimated_document_count()
            for name in database.list_collection_names()
        }
    return names, counts


@pytest.fixture
def site(launch_app: Any, own_redis: Any) -> tuple[AppProcess, Any, Person]:
    app = launch_app(REDIS_URL=own_redis.url)
    owner = Person(app.url, "owner").set_up()
    for page in PAGES:  # what anybody may see is in the caches
        requests.get(app.url + page.format(n=0), timeout=20)
    return app, own_redis.client(), owner


def test_two_hundred_visits_of_strangers_leave_nothing_in_either_store(site: Any) -> None:
    app, client, _owner = site
    names, counts = kept(app, client)
    for number in range(VISITS):
        page = PAGES[number % len(PAGES)] if number % 2 else "/login"
        answer = requests.get(app.url + page.format(n=number), timeout=20)
        assert answer.status_code < 500
    after, grown = kept(app, client)
    assert {name for name in after - names if not name.startswith("cache:")} == set()
    assert len(after) <= len(names) + 5, after - names
    assert grown["sessions"] == counts["sessions"] == 1
    assert grown["tokens"] == counts["tokens"]


def test_two_hundred_forms_of_strangers_leave_counters_that_end(site: Any) -> None:
    app, client, owner = site
    names, counts = kept(app, client)
    stranger = Person(app.url)
    stranger.get("/login")
    for number in range(VISITS):
        wrong = {"nickname": f"nobody-{number}", "password": "wrong wrong wrong"}
        answer = stranger.post_form(*(
            ("/login",), ("/register",), ("/logout",), ("/language",)
        )[number % 4], **wrong)  # fmt: skip
        assert answer.status_code in (303, 403, 422, 429)
    after, grown = kept(app, client)
    assert len(after) <= len(names) + 5, after - names
    assert grown["sessions"] == counts["sessions"]
    limits = client.keys("limit:*")
    assert len(limits) < VISITS
    assert all(0 < client.ttl(name) <= 3600 for name in limits)
    assert owner.get("/api/me").status_code == 200
