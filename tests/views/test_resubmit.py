"""A refused form is shown again with the typed values and the reason."""

import html
import re
from typing import Any
from uuid import uuid4

import pytest
import requests

from chat.web.security import MAX_REQUEST
from tests.support.people import PASSWORD, Person
from tests.support.processes import AppProcess

FIELD = re.compile(r'<textarea[^>]* name="([^"]*)"[^>]*>\n([^<]*)</textarea>')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')
FORM = re.compile(r'<form class="form" method="post" action="([^"]*)">(.*?)</form>', re.S)
TEXT = "Two lines <b>\nthat took a while & must not be lost"


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """Where the page's form goes, and what pressing its button sends, before anything is typed."""
    action, body = FORM.search(page).groups()  # type: ignore[union-attr]
    found = HIDDEN.findall(body) + FIELD.findall(body)
    return action, {name: html.unescape(value) for name, value in found}


def press(person: Person, page: str, **typed: str) -> requests.Response:
    action, fields = form_of(page)
    return person.post_form(action, **(fields | typed))  # type: ignore[no-any-return]


def message(text: str = TEXT) -> dict[str, str]:
    return {"text": text, "client_id": uuid4().hex}


def texts(person: Person, channel: dict[str, Any]) -> list[str]:
    found = person.get(f"/api/channels/{channel['id']}/messages").json()["messages"]
    return [each["text"] for each in found]


@pytest.fixture
def cut_off(new_person: Any) -> tuple[Person, dict[str, Any]]:
    """Somebody with a channel open whose session has ended, and who does not know it."""
    person = new_person()
    channel = person.new_channel()
    shown = person.csrf
    person.again().post_form("/settings/sessions/end")
    person.csrf = shown
    return person, channel


def test_a_message_survives_the_end_of_the_session(cut_off: Any) -> None:
    person, channel = cut_off
    refused = person.post_form(f"/channels/{channel['slug']}/messages", **message())
    assert refused.status_code == 403
    assert 'action="/login"' in refused.text
    assert form_of(refused.text)[1]["again.text"].replace("\r\n", "\n") == TEXT

    wrong = press(person, refused.text, nickname=person.nickname, password="not my password")
    assert wrong.status_code == 422
    assert form_of(wrong.text)[1]["again.text"].replace("\r\n", "\n") == TEXT
    assert "not my password" not in wrong.text

    logged_in = press(person, wrong.text, nickname=person.nickname, password=PASSWORD)
    assert logged_in.status_code == 200
    assert texts(person, channel) == [], "nothing is sent before it was pressed"
    sent = press(person, logged_in.text)
    assert sent.status_code == 303
    assert texts(person, channel) == [TEXT]
    assert press(person, logged_in.text).status_code == 303
    assert texts(person, channel) == [TEXT], "pressing twice sends it once"


def test_a_form_from_before_the_last_log_in_is_sent_again_with_one_press(new_person: Any) -> None:
    person = new_person()
    channel = person.new_channel()
    refused = person.post_form(
        f"/channels/{channel['slug']}/messages", csrf_token="of an earlier session", **message()
    )
    assert refused.status_code == 403
    assert press(person, refused.text).status_code == 303
    assert texts(person, channel) == [TEXT]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/channels", {"name": "A name that took thought", "topic": "And a topic"}),
        ("/channels/{slug}/settings", {"name": "A new name", "topic": "And a topic"}),
        ("/channels/{slug}/messages/{message}/edit", {"text": TEXT}),
        ("/settings", {"status": "On a mountain", "locale": "en", "theme": "dark"}),
        ("/dm/owner", {"text": TEXT}),
        ("/admin/site", {"site_name": "A better name"}),
    ],
)
def test_whatever_was_typed_survives(cut_off: Any, path: str, fields: dict[str, str]) -> None:
    person, channel = cut_off
    path = path.format(slug=channel["slug"], message="0123456789abcdef01234567")
    refused = person.post_form(path, **fields)
    _action, kept = form_of(refused.text)
    assert refused.status_code == 403
    assert kept["again"] == path
    for name, value in fields.items():
        assert kept[f"again.{name}"].replace("\r\n", "\n") == value


def test_a_password_is_never_shown_again(cut_off: Any) -> None:
    person, _channel = cut_off
    fields = {"name": "my bot", "password": PASSWORD, "old_password": PASSWORD}
    refused = person.post_form("/settings/tokens", **fields)
    assert "my bot" in refused.text
    assert PASSWORD not in refused.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/login", {"nickname": "somebody"}),
        ("/register", {"nickname": "somebody", "invite": "an-invite"}),
    ],
)
def test_a_browser_without_cookies_is_told_so_beside_what_was_typed(
    server: AppProcess, path: str, fields: dict[str, str]
) -> None:
    sent = {**fields, "password": PASSWORD, "csrf_token": "what the page said"}
    answer = requests.post(server.url + path, data=sent, timeout=20)
    assert answer.status_code == 403
    assert "cookie" in answer.text
    assert f'action="{path}"' in answer.text
    for value in fields.values():
        assert f'value="{value}"' in answer.text
    assert PASSWORD not in answer.text
    # With cookies it is another reason, and pressing again is enough.
    visitor = Person(server.url)
    visitor.get("/login")
    sent["csrf_token"] = "of yesterday"
    expired = visitor.post_form(path, **sent)
    assert "expired" in expired.text
    assert "cookie" not in expired.text


def test_over_plain_http_a_site_for_https_says_why_nobody_can_log_in(launch_app: Any) -> None:
    app = launch_app(PUBLIC_URL="https://chat.example.org")
    page = requests.get(f"{app.url}/login", allow_redirects=False, timeout=20)
    assert page.status_code in (200, 302)
    sent = {"nickname": "olga", "password": PASSWORD, "csrf_token": "x"}
    answer = requests.post(f"{app.url}/login", data=sent, timeout=20)
    assert "https" in answer.text
    assert answer.status_code == 403


def test_what_another_site_filled_in_is_not_offered_for_sending(cut_off: Any) -> None:
    person, channel = cut_off
    sent = person.session.post(
        f"{person.url}/channels/{channel['slug']}/messages",
        data=message("written elsewhere"), headers={"Origin": "https://evil.example"}, timeout=20,
    )  # fmt: skip
    assert sent.status_code == 403
    assert "written elsewhere" not in sent.text


def test_a_message_refused_for_another_reason_is_not_lost_either(
    new_person: Any, owner: Person
) -> None:
    person = new_person()
    channel = owner.new_channel()
    path = f"/channels/{channel['slug']}/messages"
    outside = person.post_form(path, **message())
    assert outside.status_code == 403
    assert form_of(outside.text)[1]["text"].replace("\r\n", "\n") == TEXT

    assert person.post_form(f"/channels/{channel['slug']}/join").status_code == 303
    assert press(person, outside.text).status_code == 303
    assert owner.post_form(f"/channels/{channel['slug']}/archive", archived="1").status_code == 303
    late = person.post_form(path, **message("too late"))
    assert late.status_code == 409
    assert "too late" in late.text
    assert texts(owner, channel) == [TEXT]
    gone = person.post_form("/channels/no-such-channel/messages", **message("to nobody"))
    assert gone.status_code == 404
    assert "to nobody" in gone.text


def test_a_message_refused_for_too_many_tries_is_not_lost(launch_app: Any) -> None:
    app = launch_app(LIMIT_API="30/minute")
    owner = Person(app.url, "owner").set_up()
    slug = owner.get("/api/channels").json()["channels"][0]["slug"]
    answers = [owner.post_form(f"/channels/{slug}/messages", **message()) for _ in range(31)]
    assert answers[-1].status_code == 429
    assert form_of(answers[-1].text)[1]["text"].replace("\r\n", "\n") == TEXT


def test_a_form_that_another_site_sends_through_the_log_in_is_dropped(cut_off: Any) -> None:
    person, channel = cut_off
    planted = {"again": f"/channels/{channel['slug']}/messages", "again.text": "planted"}
    page = person.session.post(
        f"{person.url}/login", data=planted, headers={"Origin": "https://evil.example"}, timeout=20
    )
    assert page.status_code in (403, 422)
    assert "planted" not in page.text
    ours = person.session.post(
        f"{person.url}/login", data=planted, headers={"Origin": person.url}, timeout=20
    )
    assert "planted" in ours.text


def test_a_link_on_another_site_cannot_say_that_something_was_done(new_person: Any) -> None:
    person = new_person()
    address = f"{person.url}/settings?saved=password"
    said = {
        site: "Password changed" in person.session.get(
            address, headers={"Sec-Fetch-Site": site} if site else {}, timeout=20
        ).text
        for site in ("cross-site", "same-site", "same-origin", "none", "")
    }  # fmt: skip
    assert said == {
        "cross-site": False, "same-site": False, "same-origin": True, "none": True, "": True,
    }  # fmt: skip


def test_a_form_that_is_too_long_to_be_read_is_said_to_be_that(new_person: Any) -> None:
    someone = new_person()
    channel = someone.new_channel()
    headers = {"X-CSRFToken": someone.csrf}  # so nothing has read the form before its view
    form = {"text": "x" * (MAX_REQUEST + 1)}
    url = f"{someone.url}/channels/{channel['slug']}/messages"
    assert someone.session.post(url, data=form, headers=headers).status_code == 413
