"""Ctrl+K finds every channel and person that the reader may see."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.person import PASSWORD
from tests.browser.test_accessibility import serious
from tests.support.people import Person as Member


@pytest.fixture
def stranger(site) -> Member:
    """Somebody who is not on anybody's screen, in channels of their own."""
    invite = site.invite.rpartition("/")[2]
    made = Member(site.url, f"Юлия{uuid4().int % 10**6}", PASSWORD).register(invite)
    yield made
    made.close()


def opened(person):
    """The switcher's field, and its options."""
    person.page.keyboard.press("Control+k")
    field = person.page.locator("#switcher input")
    expect(field).to_be_focused()
    return field, person.page.locator("#switcher [role=option]")


def test_a_channel_and_a_person_who_are_not_on_the_screen_are_found(ann, stranger):
    channel = stranger.new_channel()
    field, options = opened(ann)
    field.fill(channel["name"])
    expect(options).to_have_text([channel["name"]])
    field.press("Enter")
    expect(ann.page.locator("h1")).to_contain_text(channel["name"])
    field, options = opened(ann.online())
    field.fill("юлия")
    expect(options.filter(has_text=stranger.nickname)).to_have_count(1)
    field.fill(stranger.nickname)
    expect(options).to_have_text([stranger.nickname])
    field.press("Enter")
    expect(ann.page.locator("h1")).to_contain_text(stranger.nickname)


def test_letters_of_the_other_layout_find_the_name(ann, stranger):
    field, options = opened(ann)
    field.fill(".kbz")  # юлия, typed on the Latin layout
    expect(options.filter(has_text=stranger.nickname)).to_have_count(1)


def test_a_private_channel_of_others_is_not_found_and_that_is_said(ann, stranger):
    secret = stranger.new_channel("private")
    field, options = opened(ann)
    field.fill(secret["name"])
    expect(ann.page.locator(".switcher-empty")).to_have_text("Nothing found. Try another name.")
    expect(options).to_have_count(0)
    assert serious(ann.page) == []


def test_the_choice_stays_when_the_server_adds_to_the_list(ann, stranger):
    held = []
    ann.page.route("**/api/places*", lambda route: held.append(route))
    with ann.page.expect_request("**/api/places*"):
        field, options = opened(ann)
    field.press("ArrowDown")
    chosen = ann.page.locator("#switcher [role=option][aria-selected=true]")
    name = chosen.inner_text()
    before = options.count()
    held[0].continue_()
    expect(options).not_to_have_count(before)
    expect(chosen).to_have_text(name, use_inner_text=True)


def test_without_the_server_what_is_on_the_screen_is_offered(ann, stranger):
    ann.page.route("**/api/places*", lambda route: route.abort())
    field, options = opened(ann)
    field.fill("Bob")
    expect(options.first).to_have_text("Bob")
    field.fill(stranger.nickname)
    expect(ann.page.locator(".switcher-empty")).to_contain_text("not responding")


def test_an_answer_that_comes_late_is_not_shown_for_what_is_typed_now(ann, stranger):
    held = []

    def hold(route) -> None:
        held.append(route) if "%D0" in route.request.url else route.continue_()

    ann.page.route("**/api/places*", hold)
    field, options = opened(ann)
    with ann.page.expect_request("**/api/places?q=%D0*"):
        field.fill(stranger.nickname)
    with ann.page.expect_response("**/api/places?q=Bob*"):
        field.fill("Bob")
    held[0].continue_()
    expect(options.first).to_have_text("Bob")
    expect(options.filter(has_text=stranger.nickname)).to_have_count(0)
