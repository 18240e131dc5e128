"""A Redis shared with other programs: neither side touches or hears the other."""

import secrets
from typing import Any

import pytest
import requests
from flask import Flask
from redis.crc import key_slot

from chat.cache import fence
from chat.redis import prefix as redis_prefix
from chat.redis_schema import keys, ownership
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.servers import Redis
from tests.support.waiting import eventually

SID = secrets.token_urlsafe(32)  # other programs make ids of this shape, too
PREFIXES = ("team[1]*:", "team1", "%s", "chat:")


def leave_keys_of_another_program(client: Any) -> dict[str, bytes]:
    """Names that begin as ours do, of all types; what each holds, as a dump."""
    ours = set(client.keys("*"))
    client.set("cache:theirs", "text")
    client.hset("cache:users:theirs", "field", "value")
    client.rpush("cache:messages:recent:42", "one", "two")
    client.set("v:1", "text")
    client.zadd("v:{theirs}", {"one": 1})
    client.sadd("limit:x", "one", "two")
    client.set("limit:login:somebody", "many")
    client.set("session:abc", "text")
    client.hset(f"session:{SID}", "userId", "7")
    client.set(f"session:{SID[::-1]}", b"\x80\x04\x95 no text")
    client.hset(f"ended:{{session:{SID[:-1]}}}", "field", "value")
    client.zadd("w:9", {"one": 1})
    client.hset("w:{theirs}", "field", "value")
    return dumped(client, sorted(set(client.keys("*")) - ours))


def dumped(client: Any, found: list[str]) -> dict[str, bytes]:
    raw = type(client)(connection_pool=_bytes_pool(client))
    return {name: raw.dump(name) for name in found}


def _bytes_pool(client: Any) -> Any:
    pool = client.connection_pool
    return type(pool)(**{**pool.connection_kwargs, "decode_responses": False})


def health(app: AppProcess) -> dict[str, Any]:
    return requests.get(f"{app.url}/health/redis", timeout=10).json()  # type: ignore[no-any-return]


def is_up(app: AppProcess) -> bool:
    return health(app)["status"] == "up"


def use(app: AppProcess, owner: Person) -> None:
    """A bit of everything that writes to Redis."""
    room = owner.new_channel()
    tab = owner.tab()
    assert tab.post(room["id"], "hello")["ok"]
    tab.hears("hello")
    for path in ("/api/users", "/api/channels", "/api/emoji", f"/api/channels/{room['id']}/users"):
        assert owner.get(path).ok
    again = owner.again()
    again.logout()
    tab.close()


@pytest.mark.needs_redis
def test_keys_of_another_program_survive_all_that_is_done_here(launch_app: Launcher):
    app = launch_app()
    redis = launch_app.redis[0]
    client = redis.client()
    app.kill()
    theirs = leave_keys_of_another_program(client)

    app.start()
    owner = Person(app.url, "owner").set_up()
    use(app, owner)
    assert dumped(client, list(theirs)) == theirs  # after a start and a working day

    visitor = requests.get(f"{app.url}/login", cookies={"session": SID}, timeout=10)
    other = requests.get(f"{app.url}/login", cookies={"session": SID[::-1]}, timeout=10)
    assert visitor.ok and other.ok  # noqa: PT018
    assert is_up(app)
    assert dumped(client, list(theirs)) == theirs  # after their sessions were named here

    client.rename("cache:site", "theirs:kept")
    client.rpush("cache:site", "of another type")  # a find that is mended
    for _ in range(2):
        assert owner.get("/channels").ok
    eventually(lambda: client.type("cache:site") == "string" or not owner.get("/channels").ok)
    with redis.hung():
        assert owner.get("/channels").ok
        eventually(lambda: not is_up(app))
    eventually(lambda: is_up(app))
    use(app, owner)
    assert dumped(client, list(theirs)) == theirs  # after an outage and a repair
    owner.close()


@pytest.mark.needs_redis
def test_two_installations_with_their_own_prefixes_do_not_notice_each_other(launch_app: Launcher):
    one = launch_app(REDIS_PREFIX=PREFIXES[0])
    url = launch_app.redis[0].url
    two = launch_app(REDIS_PREFIX=PREFIXES[1], REDIS_URL=url)
    also_one = launch_app(beside=one, REDIS_PREFIX=PREFIXES[0])
    client = launch_app.redis[0].client()
    heard = client.pubsub()
    heard.psubscribe("*")
    owners = [Person(app.url, "owner").set_up() for app in (one, two)]
    rooms = [owner.new_channel() for owner in owners]
    tabs = [
        owners[0].tab(also_one.url),
        owners[1].tab(),
        owners[1].tab(),
    ]
    for app, owner in zip((one, two), owners, strict=True):
        use(app, owner)

    owners[0].say(rooms[0], "for the first")
    tabs[0].hears("for the first")  # at the other process of the same installation
    owners[1].say(rooms[1], "for the second")
    for tab in tabs[1:]:
        tab.hears("for the second")
    tabs[0].sees_online(owners[0].id)
    assert "for the second" not in tabs[0].texts()
    assert "for the first" not in tabs[1].texts()

    found = client.keys("*")
    of = {prefix: [name for name in found if name.startswith(prefix)] for prefix in PREFIXES[:2]}
    assert sum(map(len, of.values())) == len(found)
    assert all(len(names) > 5 for names in of.values()), of
    told = {m["channel"] for m in iter(lambda: heard.get_message(timeout=0.2), None)
            if m["type"] == "pmessage"}  # fmt: skip
    assert told
    assert all(channel.startswith(PREFIXES[:2]) for channel in told)

    client.set(f"{PREFIXES[0]}cache:theirs", "x")  # of a third program that has our prefix
    kept = dumped(client, [f"{PREFIXES[0]}cache:theirs", *of[PREFIXES[1]]])
    one.restart()  # empties its own
    still = {name: value for name, value in dumped(client, list(kept)).items() if value}
    lasting = {name for name in kept if name.startswith((f"{PREFIXES[1]}session:",
               f"{PREFIXES[1]}v:", f"{PREFIXES[0]}cache:theirs"))}  # fmt: skip
    assert lasting <= still.keys()
    for owner in owners:
        owner.close()


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_name_comes_back_as_it_went_and_lives_beside_its_companions(prefix: str):
    app = Flask("names")
    app.config["REDIS_PREFIX"] = prefix
    redis_prefix.init_app(app)
    try:
        for name in (
            "cache:site",
            "{presence}:conns",
            "limit:a{b",
            *fence.companions(keys.tail("x")),
        ):
            full = redis_prefix.full(name)
            assert full.startswith(prefix)
            assert redis_prefix.bare(full) == name
        names = fence.companions("cache:site")
        slots = {key_slot(redis_prefix.full(name).encode()) for name in names}
        assert len(slots) == 1
    finally:
        redis_prefix.init_app(Flask("none"))


def test_a_pattern_finds_what_begins_with_the_prefix_and_nothing_else(own_redis: Redis):
    client = own_redis.client()
    app = Flask("names")
    app.config["REDIS_PREFIX"] = "a*[b]?\\^:"
    redis_prefix.init_app(app)
    try:
        client.set(redis_prefix.full("v:{cache:site}"), "ours")
        client.set("aX[b]?\\^:v:{aX[b]?\\^:cache:site}", "theirs")
        client.set("v:{cache:site}", "theirs")
        found = list(client.scan_iter(match=redis_prefix.pattern("v:{*}")))
    finally:
        redis_prefix.init_app(Flask("none"))
    assert found == ["a*[b]?\\^:v:{a*[b]?\\^:cache:site}"]


def test_a_key_is_ours_by_its_whole_name():
    of_ours = ["cache:site", f"cache:messages:recent:{'a1' * 12}", "v:{cache:channels:list}"]
    of_others = ["cache:theirs", "cache:site:2", "cache:messages:recent:7", "v:1", "v:{theirs}",
                 f"cache:users:profile:{'A1' * 12}", "cache:site\n"]  # fmt: skip
    assert [name for name in of_ours + of_others if ownership.is_cached(name)] == of_ours
