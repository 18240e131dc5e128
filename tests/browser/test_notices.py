"""Destructive actions ask first, and report their result; new secrets are shown once."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.browser.test_accessibility import serious
from tests.support.long import long_but
from tests.support.people import Person as Member

PHONE = 360
WIDTHS = {PHONE: 640, 1440: 900}


@pytest.fixture(params=long_but(WIDTHS, PHONE))
def owner(request, owner_on_a_desk):
    size = {"width": request.param, "height": WIDTHS[request.param]}
    owner_on_a_desk.page.set_viewport_size(size)
    return owner_on_a_desk


@pytest.fixture
def owner_on_a_desk(site, meet):
    return meet(site.owner, site.url, storage_state=session_of(site.members[site.owner]))


@pytest.fixture
def somebody(site):
    name = f"somebody-{uuid4().hex[:6]}"
    made = Member(site.url, name, PASSWORD).register(site.invite.rpartition("/")[2])
    yield made
    made.close()


def tells(person, text: str):
    """The notice is in sight and has the focus, so that it is read out; it is said once."""
    notice = person.page.locator("[data-told]", has_text=text)
    expect(notice).to_be_in_viewport()
    expect(notice).to_be_focused()
    assert serious(person.page) == []
    expect(person.page).not_to_have_url(re.compile("done="))
    return notice


def asks(person, heading: str, button: str) -> None:
    expect(person.page.locator("h1")).to_have_text(heading)
    assert serious(person.page) == []
    person.page.get_by_role("button", name=button, exact=True).click()


def make_token(person) -> str:
    name = f"token {uuid4().hex[:6]}"
    person.open("/settings")
    person.page.fill("#token_name", name)
    person.page.fill("#token_password", PASSWORD)
    person.page.get_by_role("button", name="Create token").click()
    return name


def test_a_new_token_is_in_sight_with_the_focus_and_shown_once(owner):
    name = make_token(owner)
    field = owner.page.locator("#made-token")
    expect(field).to_be_in_viewport(ratio=1)
    expect(field).to_be_focused()
    expect(field).to_have_accessible_name("Copy the token now; it is shown only once")
    expect(owner.page.locator("[data-copy='#made-token']")).to_be_visible()
    assert field.input_value().startswith("chat_")
    assert serious(owner.page) == []
    owner.page.reload()  # makes no second one
    expect(owner.page.locator(".list-title", has_text=name)).to_have_count(1)
    expect(field).to_have_count(0)


def test_a_new_invite_link_is_in_sight_with_the_focus_and_says_how_long_it_works(owner):
    owner.open("/admin")
    expect(owner.page.locator("#invites")).to_contain_text("A new link works for 7 days.")
    owner.page.get_by_role("button", name="Create a new link").click()
    field = owner.page.locator("#invites input[autofocus]")
    expect(field).to_be_in_viewport(ratio=1)
    expect(field).to_be_focused()
    expect(field).to_have_accessible_name("New link: copy it and send it to your team")
    assert "/join/" in field.input_value()
    assert "a week" not in owner.page.locator("#invites").inner_text()


def test_revoking_a_token_asks_and_tells(owner):
    name = make_token(owner)
    row = owner.page.locator("#tokens li", has_text=name)
    row.get_by_role("link", name="Revoke").click()
    owner.page.get_by_role("link", name="Cancel").click()
    expect(row).to_have_count(1)
    row.get_by_role("link", name="Revoke").click()
    asks(owner, f"Revoke the token “{name}”?", "Revoke")
    tells(owner, "Token revoked. It no longer works.")
    expect(row).to_have_count(0)


def test_ending_the_other_sessions_asks_and_tells(site, meet, somebody):
    elsewhere = somebody.again()
    here = meet(somebody.nickname, site.url, storage_state=session_of(somebody))
    here.open("/settings")
    here.page.get_by_role("link", name="Log out other devices").click()
    asks(here, "Log out on all other devices?", "Log out other devices")
    tells(here, "You've been logged out on all other devices.")
    assert elsewhere.api("GET", "/api/me").status_code == 401
    elsewhere.close()


def test_revoking_an_invite_asks_and_tells(owner, site):
    code = site.members[site.owner].invite()
    owner.open("/admin")
    links = owner.page.locator("#invites li").filter(
        has=owner.page.locator(f"[href='/admin/invites/{code}/revoke']")
    )
    links.get_by_role("link", name="Revoke").click()
    asks(owner, "Revoke this invite link?", "Revoke link")
    tells(owner, "Link revoked. It no longer works.")
    expect(links).to_have_count(0)


def test_deactivating_asks_tells_and_can_be_undone(owner, site, somebody):
    owner.open("/admin")
    owner.page.get_by_role("link", name=f"Deactivate {somebody.nickname}").click()
    asks(owner, f"Deactivate {somebody.nickname}?", "Deactivate")
    notice = tells(owner, f"{somebody.nickname} is deactivated and logged out everywhere.")
    notice.get_by_role("button", name="Undo").click()
    tells(owner, f"{somebody.nickname} can log in again.")
    somebody.again().close()


def test_a_new_role_is_told(owner_on_a_desk, somebody):
    owner_on_a_desk.open("/admin")
    row = owner_on_a_desk.page.locator("tr", has_text=somebody.nickname)
    row.locator("select").select_option("moderator")
    row.get_by_role("button", name="Set").click()
    tells(owner_on_a_desk, f"Role of {somebody.nickname}: Moderator")


def test_in_a_channel_removing_archiving_and_leaving_ask_tell_and_can_be_undone(
    owner_on_a_desk, site, somebody
):
    owner, page = owner_on_a_desk, owner_on_a_desk.page
    channel = site.members[site.owner].new_channel()
    assert somebody.post(f"/api/channels/{channel['id']}/join").status_code == 204
    name, settings = channel["name"], f"/channels/{channel['slug']}/settings"
    owner.open(settings)
    page.get_by_role("link", name=f"Remove {somebody.nickname}").click()
    asks(owner, f"Remove {somebody.nickname} from “{name}”?", "Remove")
    notice = tells(owner, f"{somebody.nickname} is no longer in the channel.")
    notice.get_by_role("button", name="Undo").click()
    tells(owner, f"{somebody.nickname} is now in the channel.")
    page.get_by_role("link", name="Archive").click()
    asks(owner, f"Archive “{name}”?", "Archive")
    notice = tells(owner, "The channel is archived.")
    notice.get_by_role("button", name="Undo").click()
    tells(owner, "The channel is open again.")
    page.get_by_role("link", name="Leave").click()
    asks(owner, f"Leave “{name}”?", "Leave")
    notice = tells(owner, f"You left “{name}”.")
    notice.get_by_role("button", name="Undo").click()
    expect(page.locator("#composer")).to_be_visible()


@pytest.mark.parametrize("language", long_but(["en", "ru"], "ru"))
def test_each_question_and_notice_is_in_the_readers_language(site, meet, somebody, language):
    owner = meet(
        site.owner, site.url, storage_state=session_of(site.members[site.owner]), locale=language
    )
    code = site.members[site.owner].invite()
    path = f"/admin/people/{somebody.id}/deactivate"
    heads = {
        path: {"en": "Deactivate", "ru": "Отключить учётную запись"},
        f"/admin/invites/{code}/revoke": {"en": "Revoke this", "ru": "Отозвать эту"},
        f"{site.channel_path}/leave": {"en": "Leave “", "ru": "Покинуть канал «"},
        f"{site.channel_path}/archive": {"en": "Archive “", "ru": "Отправить в архив"},
    }
    for place, head in heads.items():
        owner.open(place)
        expect(owner.page.locator("h1")).to_contain_text(head[language])
    owner.open(path)
    owner.page.locator(".page-body button").click()
    words = {"en": "logged out everywhere", "ru": "все её сеансы завершены"}
    expect(owner.page.locator("[data-told]")).to_contain_text(words[language])


def test_a_wrong_password_keeps_the_nickname_and_asks_for_the_password(site, meet):
    visitor = meet("Ann", site.url).open("/login")
    expect(visitor.page.locator("#nickname")).to_be_focused()
    visitor.page.fill("#nickname", "Ann")
    visitor.page.fill("#password", "not the password")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator(".notice.error")).to_be_visible()
    expect(visitor.page.locator("#nickname")).to_have_value("Ann")
    expect(visitor.page.locator("#password")).to_be_focused()


def test_a_mistake_in_a_form_has_the_focus(site, meet):
    visitor = meet("", site.url).open(site.invite.removeprefix(site.url))
    visitor.page.fill("#nickname", f"somebody-{uuid4().hex[:6]}")
    visitor.page.locator("#password").evaluate("field => field.removeAttribute('minlength')")
    visitor.page.fill("#password", "short")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#password-error")).to_be_visible()
    expect(visitor.page.locator("#password")).to_be_focused()
