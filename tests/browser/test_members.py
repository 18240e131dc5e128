"""The open list of members follows each person who joins, leaves or is removed."""

import json
import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.support.people import Person as Member


@pytest.fixture
def new_member(site):
    """Makes an account; its sessions end with the test."""
    made = []

    def make(name: str) -> Member:
        invite = site.invite.rpartition("/")[2]
        made.append(Member(site.url, f"{name}-{uuid4().hex[:6]}", PASSWORD).register(invite))
        return made[-1]

    yield make
    for member in made:
        member.close()


def shows(person, *names: str) -> None:
    """The open list has these people, in this order, and counts them."""
    expect(person.page.locator("#member-list .person-name")).to_contain_text(list(names))
    expect(person.page.locator("#member-list > li")).to_have_count(len(names))
    expect(person.page.locator("#member-count")).to_have_text(str(len(names)))


def test_who_joins_and_who_leaves_is_seen_in_the_open_list(two, site):
    ann, bob = two
    vera = site.members["Vera"]
    shows(ann, "Ann", "Bob")
    assert vera.post(f"/api/channels/{ann.channel_id}/join").status_code == 204
    shows(ann, "Ann", "Bob", "Vera")
    shows(bob, "Ann", "Bob", "Vera")
    assert vera.post(f"/api/channels/{ann.channel_id}/leave").status_code == 204
    shows(ann, "Ann", "Bob")


def asks_for_pages(person) -> list[str]:
    """The pages that are asked for from now on."""
    asked: list[str] = []
    person.page.on(
        "request",
        lambda r: asked.append(r.url) if "text/html" in r.headers.get("accept", "") else None,
    )
    return asked


def test_what_changes_in_the_list_costs_no_page(ann, site):
    asked = asks_for_pages(ann)
    assert site.members["Vera"].post(f"/api/channels/{ann.channel_id}/join").status_code == 204
    shows(ann, "Ann", "Bob", "Vera")
    row = ann.page.locator("#member-list .person", has_text="Vera")
    expect(row).to_have_attribute("href", "/dm/Vera")
    expect(row.locator(".avatar")).to_have_text("V")
    expect(row.locator(".presence")).to_have_attribute("data-state", "offline")
    tab = site.members["Vera"].tab()
    expect(row.locator(".presence")).to_have_attribute("data-state", "online")
    tab.close()
    assert site.members["Vera"].post(f"/api/channels/{ann.channel_id}/leave").status_code == 204
    shows(ann, "Ann", "Bob")
    assert asked == []


def test_who_makes_an_account_appears_in_the_first_channel(site, meet, new_member):
    ann = meet("Ann", site.url, storage_state=session_of(site.members["Ann"]))
    ann.open(site.channel_path).online()
    count = ann.page.locator("#member-count")
    before = int(count.inner_text())
    person = new_member("zoe")
    expect(ann.page.locator("#member-list .person", has_text=person.nickname)).to_have_count(1)
    expect(count).to_have_text(str(before + 1))


def test_who_is_deactivated_goes_from_every_open_list_and_comes_back(two, site, new_member):
    ann, bob = two
    person, owner = new_member("yan"), site.members[site.owner]
    assert person.post(f"/api/channels/{ann.channel_id}/join").status_code == 204
    shows(ann, "Ann", "Bob", person.nickname)
    assert owner.post_form(f"/admin/people/{person.id}/deactivate").status_code == 303
    shows(ann, "Ann", "Bob")
    assert owner.post_form(f"/admin/people/{person.id}/reactivate").status_code == 303
    shows(ann, "Ann", "Bob", person.nickname)
    shows(bob, "Ann", "Bob", person.nickname)


def test_who_is_removed_from_a_private_channel_goes_from_the_list(site, meet):
    bob, vera = site.members["Bob"], site.members["Vera"]
    channel = bob.new_channel("private")
    for name in ("Ann", "Vera"):
        path = f"/api/channels/{channel['id']}/people/{site.members[name].id}"
        assert bob.post(path).status_code == 204
    ann = meet("Ann", site.url, storage_state=session_of(site.members["Ann"]))
    ann.open(f"/channels/{channel['slug']}").online()
    shows(ann, "Ann", "Bob", "Vera")
    assert bob.delete(f"/api/channels/{channel['id']}/people/{vera.id}").status_code == 204
    shows(ann, "Ann", "Bob")


def test_who_came_and_went_while_the_line_was_cut_is_seen_after_it(ann, site, wire):
    wire.cut()
    ann.offline()
    assert site.members["Vera"].post(f"/api/channels/{ann.channel_id}/join").status_code == 204
    assert site.members["Bob"].post(f"/api/channels/{ann.channel_id}/leave").status_code == 204
    wire.mend()
    ann.online()
    shows(ann, "Ann", "Vera")


def test_who_joins_between_the_drawing_of_the_page_and_its_connection_is_seen(site, meet):
    bob, vera = site.members["Bob"], site.members["Vera"]
    channel = bob.new_channel()
    page = meet("Bob", site.url, storage_state=session_of(bob))
    joined = []

    def join_first(route) -> None:
        if not joined:
            joined.append(vera.post(f"/api/channels/{channel['id']}/join").status_code)
        route.continue_()

    page.page.route("**/socket.io.esm.min*.js", join_first)
    page.open(f"/channels/{channel['slug']}").online()
    shows(page, "Bob", "Vera")
    assert joined == [204]


def test_who_has_no_line_in_the_page_gets_one_from_its_data(two, site):
    ann, _bob = two
    first = site.members["Bob"].id
    people = json.dumps([[first, "Bob", "away"], [site.members["Vera"].id, "<Vera>", ""]])

    def shorten(route) -> None:
        answer = route.fetch()
        more = f"<li class='people-more' data-count='0' data-people='{people}'>and 2 more</li>"
        lines = re.sub(rf'<li><a class="person" data-person="{first}".*?</li>', more, answer.text())
        route.fulfill(response=answer, body=lines)

    # What is not true of the channel would be found out by asking.
    ann.page.route("**/api/channels/*/users", lambda route: route.abort())
    ann.page.route(ann.page.url, shorten)
    ann.page.reload()
    expect(ann.page.locator("#member-list .person-name")).to_contain_text(["Ann", "Bob", "<Vera>"])
    bob = ann.page.locator(f"#member-list [data-person='{first}']")
    expect(bob.locator(".person-status")).to_have_text("away")
    expect(bob.locator(".presence")).to_have_attribute("data-state", "online")
    expect(ann.page.locator("#member-list > li")).to_have_count(3)


def test_a_list_that_shows_a_part_counts_whoever_joins_all_the_same(ann, site):
    # What is not true of the channel would be found out by asking.
    ann.page.route("**/api/channels/*/users", lambda route: route.abort())
    ann.page.reload()
    ann.online()
    ann.page.evaluate("""() => {
      const more = document.createElement("li");
      more.className = "people-more";
      more.dataset.count = 1300;
      document.querySelector("#member-list").append(more);
    }""")
    assert site.members["Vera"].post(f"/api/channels/{ann.channel_id}/join").status_code == 204
    expect(ann.page.locator(".people-more")).to_have_text("and 1,301 more")
    expect(ann.page.locator("#member-count")).to_have_text("1,303")
