"""Too long a short text is refused for its length, before any slow work."""

import unicodedata
from collections.abc import Callable
from contextlib import suppress

import pytest

from chat.errors import ChatError
from chat.services import site
from chat.text import validate
from tests.conftest import NewPerson
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.work import seconds, seconds_at
from tests.support.worst import MARKS, TEXTS, Maker

FOUR_TIMES = 80_000  # characters; to work in square to them takes some ten seconds
CHECKS: dict[str, Callable[[str], object]] = {
    "nickname": validate.check_nickname,
    "nickname to look up": validate.nickname_key,
    "channel": validate.check_channel_name,
    "topic": validate.check_topic,
    "status": validate.check_status,
    "site": site.check_name,
    "password": validate.check_password,
    "message": validate.check_message,
    "client_id": validate.check_client_id,
}


def checked(check: Callable[[str], object], typed: str) -> None:
    with suppress(ChatError):
        check(typed)


@pytest.mark.parametrize("maker", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_checking_takes_no_more_than_reading(check: Callable[[str], object], maker: Maker) -> None:
    """Twice the text may take twice the time; in square to its length it would take four times."""
    short, long = maker(FOUR_TIMES // 4), maker(FOUR_TIMES)
    small = seconds(lambda: checked(check, short))
    assert seconds(lambda: checked(check, long)) < 8 * small + 0.005


@pytest.mark.parametrize("typed", ["Nguyễn Văn Ánh", "각각각", "ᾄᾄ"])
def test_a_name_may_be_typed_in_decomposed_unicode(typed: str) -> None:
    apart = unicodedata.normalize("NFD", typed)  # noqa: TID251
    assert len(apart) > len(typed)
    assert validate.check_channel_name(apart) == typed


def test_a_nickname_of_marks_is_refused_at_once_without_an_account(
    server: AppProcess, owner: Person
) -> None:
    stranger = Person(server.url)
    stranger.get("/login")
    fields = {"nickname": MARKS(40_000), "password": "x" * 10}
    usual = seconds_at(
        server, lambda: stranger.post_form("/login", **fields | {"nickname": "nobody"})
    )
    answers = []
    spent = seconds_at(server, lambda: answers.append(stranger.post_form("/login", **fields)))
    assert answers[0].status_code == 422
    assert spent < 5 * max(usual, 0.05)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/register", {"nickname": MARKS(40_000), "password": "correct horse", "invite": "x"}),
        ("/settings", {"status": MARKS(40_000), "locale": "", "theme": "system"}),
        ("/settings/tokens", {"name": MARKS(40_000)}),
        ("/channels", {"name": MARKS(40_000)}),
        ("/channels", {"name": "fine", "topic": MARKS(40_000)}),
        ("/admin/site", {"site_name": MARKS(40_000)}),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_a_form_with_such_a_text_is_shown_again_at_once(
    server: AppProcess, new_person: NewPerson, path: str, fields: dict[str, str]
) -> None:
    person = Person(server.url) if path == "/register" else new_person(role="admin")
    person.get("/login")
    shown = seconds_at(server, lambda: person.get("/channels"))
    answers = []
    spent = seconds_at(server, lambda: answers.append(person.post_form(path, **fields)))
    assert answers[0].status_code in (403, 422)
    assert spent < 5 * max(shown, 0.05)
