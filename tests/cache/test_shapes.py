"""Well-formed values that are not ours count as missing."""

import json
from typing import Any

import pytest

from chat.cache import shapes
from chat.cache.decoders import decoder
from chat.redis_schema import keys
from tests.cache.test_keys import CHANNEL, MESSAGE, PROFILE
from tests.support.long import long_but
from tests.support.people import Person
from tests.support.servers import SHARED_APP
from tests.support.waiting import eventually

WRONG = ("-1", "1e309", "[]", "{}", '"x"', "null", "true", "0", "[" * 9999, '{"id":null}')
LIFE = 60  # what has no end is none of ours, whatever it is
PATHS = ("/api/users", "/api/me", "/api/channels", "/api/emoji", "/channels", "/settings")


@pytest.fixture
def client(valkey) -> Any:
    return valkey.client(SHARED_APP)


def told(person: Person, path: str) -> Any:
    answer = person.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    assert not answer.url.endswith(("/login", "/setup"))
    if path.startswith("/api"):
        return shown(answer.json())
    return None


def shown(value: Any) -> Any:
    """Without what changes by itself."""
    if isinstance(value, dict):
        left = ("last_active", "online", "next", "count")
        return {name: shown(each) for name, each in value.items() if name not in left}
    if isinstance(value, list):
        return sorted(map(shown, value), key=json.dumps)
    return value


def everything(person: Person, room: str) -> list[Any]:
    paths = (*PATHS, f"/api/channels/{room}/messages", f"/api/channels/{room}/users")
    return [told(person, path) for path in paths]


def strings(person: Person) -> dict[str, str]:
    return {
        "profile": keys.profile(person.id),
        "site": keys.site(),
        "session": f"session:{person.session.cookies['session']}",
    }


def forget_copies(client: Any, key: str) -> None:
    """No process has this version: whoever asks has to look."""
    client.delete(f"v:{{{key}}}")


def is_filled(person: Person, client: Any, key: str, wrong: str) -> bool:
    told(person, "/api/me"), told(person, "/settings")
    return client.get(key) not in (None, wrong)


@pytest.mark.parametrize("name", ["profile", "site", "session"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_text_of_another_shape_is_read_anew(new_person, client, name, wrong):
    person = new_person()
    key = strings(person)[name]
    right = told(person, "/api/me"), told(person, "/settings")
    client.set(key, wrong, ex=LIFE)
    forget_copies(client, key)
    assert (told(person, "/api/me"), told(person, "/settings")) == right
    assert person.get("/api/users").status_code == 200
    assert Person(person.url, person.nickname).login().id == person.id
    eventually(lambda: is_filled(person, client, key, wrong), seconds=15)


ELEMENTS = [*WRONG, "", "x", "0 abc 0", f"7 {'a' * 24} 0"]


@pytest.mark.parametrize("wrong", long_but(ELEMENTS, "-1", '{"id":null}', "", "0 abc 0"))
def test_elements_of_another_shape_are_read_anew(new_person, client, wrong):
    person = new_person()
    room = person.new_channel()["id"]
    person.say({"id": room}, "one")
    right = everything(person, room)
    for key, plant in {
        keys.recent_messages(room): lambda key: client.rpush(key, wrong),
        keys.tail(room): lambda key: client.rpush(key, wrong),
        keys.channel_users(room): lambda key: client.sadd(key, wrong),
        keys.marks(person.id): lambda key: client.hset(key, wrong, wrong),
        keys.channels_list(): lambda key: client.hset(key, wrong, wrong),
        keys.emoji_counts(): lambda key: client.hset(key, wrong, wrong),
    }.items():
        plant(key)
        assert everything(person, room) == right, key
        for life in (None, LIFE):
            client.delete(key)
            plant(key)  # and nothing else
            if life:
                client.expire(key, life)
            forget_copies(client, key)
            assert everything(person, room) == right, (key, life)


@pytest.mark.parametrize("score", ["inf", "-inf", "1e16", "-1", "1e308", "0"])
def test_invalid_people_and_times_are_not_in_the_list(new_person, client, score):
    person = new_person()
    right = [each["id"] for each in person.get("/api/users?limit=1000").json()["users"]]
    one = person.get("/api/users?limit=1").json()
    for member in ("nonsense", "", person.id):
        for instead in (False, True):
            if instead:
                client.delete(keys.users_list())
            client.zadd(keys.users_list(), {member: score})
            client.expire(keys.users_list(), LIFE)
            found = person.get("/api/users?limit=1000").json()
            assert {each["id"] for each in found["users"]} == set(right)
            client.delete(keys.users_list())
            client.zadd(keys.users_list(), {member: score})
            client.expire(keys.users_list(), LIFE)
            rest = person.get(f"/api/users?limit=1000&cursor={one['next']}").json()["users"]
            assert len(rest) == len(right) - 1
            client.zadd(keys.users_list(), {member: score})
            client.expire(keys.users_list(), LIFE)
            assert person.get(f"/api/users/{person.id}").json()["last_active"]


def test_a_value_under_the_key_of_another_is_not_believed(new_person, client):
    anna, boris = new_person(), new_person()
    told(anna, "/api/me"), told(boris, "/api/me")
    client.copy(keys.profile(anna.id), keys.profile(boris.id), replace=True)
    assert boris.get("/api/me").json()["nickname"] == boris.nickname


def test_the_marker_of_another_key_is_not_trusted():
    for structure in keys.STRUCTURES:
        key = structure.name.replace("*", "0" * 24)
        if structure.type == "string" and not key.startswith("session:"):
            assert decoder(structure.name)(shapes.nothing(key), key) is None
            with pytest.raises(shapes.UNREADABLE):
                decoder(structure.name)(shapes.nothing(f"{key}x"), key)


def test_no_field_is_lost_on_the_way_through_redis():
    fields = {shape: set(shape.__annotations__) for shape in (shapes.Profile, shapes.CachedMessage)}
    assert fields == {shapes.Profile: PROFILE, shapes.CachedMessage: MESSAGE}
    assert set(shapes.CachedChannel.__annotations__) == CHANNEL | {"people"}
