"""The search of the switcher: channels and people by some letters of their names."""

from uuid import uuid4

import pytest

from tests.support.people import Person


def found(person: Person, typed: str, **more: int) -> tuple[list[str], list[str]]:
    """The titles of the channels and the nicknames that are answered."""
    answer = person.session.get(f"{person.url}/api/places", params={"q": typed, **more}, timeout=60)
    assert answer.status_code == 200, answer.text
    places = answer.json()
    return [c["title"] for c in places["channels"]], [p["nickname"] for p in places["users"]]


def named(person: Person, name: str, kind: str = "public") -> dict:
    made = person.post("/api/channels", {"name": name, "kind": kind})
    assert made.status_code == 201, made.text
    return dict(made.json())


@pytest.fixture
def mark() -> str:
    """Letters that are in nobody else's name, the same on every layout's digits."""
    return str(uuid4().int)[:9]


def test_a_person_beyond_the_first_page_of_people_is_found(new_person, mark):
    asker, somebody = new_person(), new_person(nickname=f"{mark}-ann")
    channel = named(somebody, f"{mark} plans")
    assert found(asker, mark) == ([channel["title"]], [somebody.nickname])
    assert found(asker, f"  {mark[:-1]} ") == ([channel["title"]], [somebody.nickname])
    assert found(asker, "no such name at all") == ([], [])


def test_names_that_begin_with_the_query_come_first(new_person, mark):
    asker = new_person()
    names = [f"z{mark}", f"{mark}b", f"{mark}a"]
    for name in names:
        new_person(nickname=name)
        named(asker, name)
    best = [f"{mark}a", f"{mark}b", f"z{mark}"]
    assert found(asker, mark) == (best, best)
    assert found(asker, mark, limit=2) == (best[:2], best[:2])


@pytest.mark.parametrize(
    "typed", ["Ёлкин", "елкин", "ЁЛ", "tkrby", "`krby", "Е\u0308лк"], ids=lambda typed: ascii(typed)
)
def test_case_layout_composition_and_yo_do_not_matter(new_person, mark, typed):
    asker = new_person()
    name = f"Ёлкин{mark}"
    new_person(nickname=name)
    named(asker, name)
    assert name in found(asker, typed, limit=50)[0]
    assert name in found(asker, typed, limit=50)[1]


def test_a_private_channel_is_found_by_its_members_alone(new_person, mark):
    member, outsider = new_person(), new_person(role="admin")
    named(member, f"{mark} secret", kind="private")
    assert found(member, mark)[0] == [f"{mark} secret"]
    assert found(outsider, mark)[0] == []


def test_a_group_conversation_is_found_by_those_in_it_alone(new_person, mark):
    people = [new_person(nickname=f"{mark}{letter}") for letter in "abc"]
    ids = [person.id for person in people[1:]]
    assert people[0].post("/api/directs", {"users": ids}).status_code == 200
    assert len(found(people[0], mark)[0]) == 1
    assert found(new_person(), mark)[0] == []


def test_a_deactivated_person_is_not_found(owner, new_person, mark):
    asker, gone = new_person(), new_person(nickname=f"{mark}x")
    assert found(asker, mark)[1] == [gone.nickname]
    assert owner.post_form(f"/admin/people/{gone.id}/deactivate").status_code == 303
    assert found(asker, mark)[1] == []


def test_regex_characters_match_themselves(new_person, mark):
    asker = new_person()
    new_person(nickname=f"{mark}.x")
    new_person(nickname=f"{mark}yx")
    assert found(asker, f"{mark}.x")[1] == [f"{mark}.x"]
    for typed in (".*", "(", "[", "\\", "^", "$" * 300):
        found(asker, typed)


def test_an_empty_query_finds_own_channels_and_recently_active_people(new_person):
    asker, other = new_person(), new_person()
    own, foreign = asker.new_channel(), other.new_channel()
    channels, people = found(asker, "", limit=50)
    assert channels.index(own["title"]) < len(channels)
    if foreign["title"] in channels:
        assert channels.index(own["title"]) < channels.index(foreign["title"])
    assert other.nickname in people


@pytest.mark.parametrize("query", ["limit=0", "limit=51", "limit=x", f"q={'x' * 321}"])
def test_a_query_over_the_limits_is_refused(new_person, query):
    assert new_person().get(f"/api/places?{query}").status_code == 400
