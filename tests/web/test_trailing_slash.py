"""Every spelling of an address leads to its one canonical form."""

from unicodedata import normalize  # noqa: TID251 - as a client would
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest

from tests.support.waiting import SECONDS


def leads_to(person, path: str) -> str:
    """Where a page is in the end, its path as it is read."""
    answer = person.session.get(person.url + path, timeout=SECONDS)
    assert answer.status_code == 200, (path, answer.status_code)
    return unquote(answer.url.removeprefix(person.url))


@pytest.fixture
def channel(new_person) -> dict:
    person = new_person()
    made = person.post("/api/channels", {"name": f"Ёжик и Йод é {uuid4().hex[:8]}"}).json()
    person.say(made, "hello")
    return {"person": person, **made}


SPELLINGS = {
    "composed": lambda slug: slug,
    "decomposed": lambda slug: normalize("NFD", slug),
    "capitals": str.upper,
    "both": lambda slug: normalize("NFD", slug.upper()),
    "wide": lambda slug: slug.replace("6", "６"),
}


@pytest.mark.parametrize("spell", SPELLINGS)
@pytest.mark.parametrize("rest", ["", "/", "/m/1", "/m/1/", "/settings", "/settings/"])
def test_a_channel_is_found_however_its_address_is_spelled(channel, spell, rest):
    person, slug = channel["person"], channel["slug"]
    path = f"/channels/{quote(SPELLINGS[spell](slug))}{rest}"
    assert leads_to(person, path) == f"/channels/{slug}{rest.rstrip('/')}"


def test_the_question_behind_the_address_is_kept(channel):
    person, slug = channel["person"], channel["slug"]
    assert leads_to(person, f"/channels/{quote(slug.upper())}/?before=9") == (
        f"/channels/{slug}?before=9"
    )


@pytest.mark.parametrize("spell", ["decomposed", "capitals", "both"])
@pytest.mark.parametrize("rest", ["", "/"])
def test_a_person_is_found_however_the_nickname_is_spelled(new_person, spell, rest):
    asker, person = new_person(), new_person(nickname=f"Йоёй-{uuid4().int % 10**10}")
    typed = SPELLINGS[spell](person.nickname)
    assert leads_to(asker, f"/dm/{quote(typed)}{rest}") == f"/dm/{person.nickname}"


@pytest.mark.parametrize("path", ["/settings", "/channels", "/dm"])
def test_a_slash_behind_any_page_leads_to_the_page(new_person, path):
    assert leads_to(new_person(), f"{path}/") == path


def test_others_private_channels_are_as_if_they_did_not_exist(new_person):
    secret = new_person().new_channel("private")
    outsider = new_person()
    for path in (secret["slug"].upper(), f"{secret['slug']}/", f"{secret['slug'].upper()}/m/1"):
        answer = outsider.session.get(
            f"{outsider.url}/channels/{path}", timeout=SECONDS, allow_redirects=False
        )
        where = answer.headers.get("Location", "")
        assert answer.status_code == 404 or where.endswith(f"/channels/{path.rstrip('/')}"), path
        assert outsider.get(f"/channels/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["//example.org/", "/\\example.org/", "/%5cexample.org/", "/nothing/", "/api/nothing/"]
)
def test_a_slash_leads_nowhere_else(new_person, path):
    answer = new_person().session.get(
        new_person().url + path, timeout=SECONDS, allow_redirects=False
    )
    assert answer.status_code in (404, 308)
    assert "example.org" not in answer.headers.get("Location", "").removeprefix("http://127.0.0.1")


def test_an_address_beyond_any_length_is_refused_without_work(new_person):
    marks = quote("ё" + "\u0301" * 400)
    for path in (f"/channels/{marks}", f"/dm/{marks}"):
        assert new_person().get(path).status_code == 404
