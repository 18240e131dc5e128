"""An open page whose browser logs in as another person, logs in again, or logs out."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import LONG, PASSWORD, Person
from tests.support.people import Person as Member


@pytest.fixture
def ida(site: Any) -> Iterator[Member]:
    member = Member(site.url, password=PASSWORD).register(site.invite.rpartition("/")[2])
    yield member
    member.close()


@pytest.fixture
def open_page(site: Any, meet: Any, ida: Member) -> Person:
    """Ida's browser in a channel of her own."""
    channel = ida.new_channel()
    person: Person = meet(ida.nickname, site.url, storage_state=session_of(ida))
    return person.open(f"/channels/{channel['slug']}").online()


def says(person: Person, words: str) -> None:
    expect(person.page.locator("#connection")).to_contain_text(words, timeout=LONG)


def user_id(person: Person) -> str:
    return str(person.page.get_attribute("body", "data-user-id"))


def test_a_page_says_that_another_account_is_signed_in_now(
    site: Any, ida: Member, open_page: Person
) -> None:
    bob = site.members["Bob"]
    open_page.composer.fill("not for Bob")
    open_page.context.clear_cookies()
    open_page.context.add_cookies(session_of(bob)["cookies"])
    ida.logout()  # the page finds out when it is cut off, or wakes up
    says(open_page, "Logged in as Bob now")

    open_page.write("still not for Bob")
    open_page.page.locator("#connection a").click()
    expect(open_page.page.locator(f"body[data-user-id='{bob.id}']")).to_be_attached()
    assert "not for Bob" not in bob.get("/").text
    open_page.online()


def test_a_page_from_before_a_log_in_says_so_and_goes_on(
    site: Any, ida: Member, open_page: Person
) -> None:
    ida.logout()
    says(open_page, "You've been logged out")
    ida.login()
    open_page.context.clear_cookies()
    open_page.context.add_cookies(session_of(ida)["cookies"])
    open_page.page.evaluate("dispatchEvent(new Event('online'))")  # as when it wakes up
    says(open_page, "You've logged in again")
    open_page.page.locator("#connection a").click()
    open_page.online()
    assert user_id(open_page) == ida.id
    assert "/channels/" in open_page.page.url


def test_a_new_password_in_another_tab_goes_by_unnoticed(open_page: Person) -> None:
    said = "() => { window.said = []; const line = document.querySelector('#connection');"
    said += "new MutationObserver(() => window.said.push(line.textContent))"
    said += ".observe(line, {childList: true, subtree: true}) }"
    open_page.page.evaluate(said)
    other = open_page.another_tab()
    page = other.page
    page.goto(open_page.url + "/settings")
    page.fill("[name=old_password]", PASSWORD)
    page.fill("[name=new_password]", "quite another password")
    before = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    page.press("[name=new_password]", "Enter")
    expect(page.locator("[data-told]")).to_be_focused()
    after = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert after["session"] != before["session"]

    open_page.write("I go on here").sees_stored("I go on here")
    open_page.online()
    assert not [text for text in open_page.page.evaluate("window.said") if "logged" in text]
