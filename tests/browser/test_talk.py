"""Two people in two browsers register by an invite link and talk; each sees the other's actions."""

import re

from playwright.sync_api import expect


def test_two_people_meet_by_invite_link_and_talk_live(launch_app, meet):
    new_app = launch_app()
    owner = meet("Вера", new_app.url)
    invite = owner.set_up("Обсерватория")
    assert "/join/" in invite
    guest = meet("Tycho", new_app.url).register(invite)
    guest.open(owner.channel_path)
    owner.online()
    guest.online()

    owner.write("Привет, **Tycho**")
    row = guest.sees("Привет, Tycho")
    expect(row.locator(".message-body strong")).to_have_text("Tycho")
    guest.write("Good evening")
    owner.sees("Good evening")
    # The writer's own row is there once, stored, and no longer marked as on its way.
    own = guest.sees("Good evening")
    expect(own).not_to_have_attribute("data-state", re.compile(".*"))
    expect(own).to_have_attribute("data-seq", re.compile(r"\d+"))


def test_an_edit_and_a_deletion_reach_the_other_browser(two):
    ann, bob = two
    ann.write("frist")
    row = ann.sees("frist")
    bob.sees("frist")
    ann.act(row, "edit")
    form = ann.page.locator(".edit-form textarea")
    expect(form).to_be_focused()
    form.fill("first")
    form.press("Enter")
    expect(ann.page.locator(".edit-form")).to_have_count(0)
    changed = bob.sees("first")
    expect(changed.locator(".message-edited")).to_be_visible()
    expect(bob.row("frist")).to_have_count(0)

    ann.act(ann.row("first"), "delete")
    ann.page.locator("dialog[open] button[value=yes]").click()
    expect(bob.row("first")).to_have_count(0)
    expect(bob.page.locator(".message[data-deleted]")).to_have_count(1)
    expect(ann.page.locator(".message[data-deleted]")).to_have_count(1)
    assert "first" not in bob.page.locator("#messages").inner_html()


def test_up_on_a_message_that_is_still_on_its_way_edits_it_once_it_is_stored(two, wire):
    ann, bob = two
    ann.write("stored")
    ann.sees_stored("stored")
    wire.cut()
    ann.offline()
    ann.write("on its way")
    ann.sees("on its way")
    ann.composer.press("ArrowUp")
    wire.mend()
    form = ann.page.locator(".edit-form textarea")
    expect(form).to_be_focused()
    expect(form).to_have_value("on its way")
    form.fill("arrived")
    form.press("Enter")
    bob.sees("arrived")
    expect(ann.row("on its way")).to_have_count(0)


def test_who_writes_on_is_not_taken_to_an_edit_asked_for_before(ann, bobs_line, wire):
    wire.cut()
    ann.offline()
    ann.write("first").composer.press("ArrowUp")
    ann.composer.press_sequentially("second")
    wire.mend()
    ann.sees_stored("first")
    bobs_line.hears("first")
    expect(ann.composer).to_be_focused()
    expect(ann.page.locator(".edit-form")).to_have_count(0)


def test_escape_leaves_the_message_as_it_was(ann):
    ann.write("stays")
    ann.sees_stored("stays")
    ann.composer.press("ArrowUp")
    form = ann.page.locator(".edit-form textarea")
    expect(form).to_have_value("stays")
    form.fill("changed")
    form.press("Escape")
    expect(ann.page.locator(".edit-form")).to_have_count(0)
    ann.sees("stays")
    expect(ann.composer).to_be_focused()


def test_only_ones_own_messages_offer_editing(ann, room):
    room.bob_says("not hers")
    row = ann.sees("not hers")
    row.hover()
    expect(row.locator("[data-action=edit]")).to_be_hidden()
    expect(row.locator("[data-action=delete]")).to_be_hidden()
    expect(row.locator("[data-action=copy-link]")).to_be_visible()


def test_typing_is_shown_and_ends_with_the_message(two):
    ann, bob = two
    ann.composer.press_sequentially("Let me think")
    expect(bob.page.locator("#typing")).to_contain_text(ann.nickname)
    ann.composer.press("Enter")
    bob.sees("Let me think")
    expect(bob.page.locator("#typing")).to_be_empty()


def test_unread_is_counted_in_the_sidebar_and_the_title_and_cleared_by_another_tab(site, bob):
    ann = site.members["Ann"]
    side = ann.new_channel()
    bob.api("POST", f"/api/channels/{side['id']}/join")
    # Bob looks at the first channel, in one tab; the news are in another channel.
    link = bob.page.locator(f'[data-channel-link="{side["id"]}"]')
    expect(link).to_be_attached()
    before = title_count(bob)
    for text in ("Soup?", "Or noodles?"):
        ann.say(side, text)
    expect(link.locator(".unread-count")).to_have_text("2")
    expect(bob.page).to_have_title(re.compile(rf"^\({before + 2}\) "))

    other = bob.another_tab()
    other.open(f"/channels/{side['slug']}").online()
    other.page.bring_to_front()
    other.sees("Or noodles?")
    expect(link.locator(".unread")).to_be_hidden()
    expect(bob.page).not_to_have_title(re.compile(rf"^\({before + 2}\) "))
    assert title_count(bob) == before


def title_count(person) -> int:
    """The number in the title: what is unread in all channels."""
    found = re.match(r"\((\d+)\) ", person.page.title())
    return int(found[1]) if found else 0


def test_messages_are_grouped_and_dated(bob, room):
    room.ann_says("one", "two")
    bob.sees("two")
    expect(bob.row("one")).not_to_have_class(re.compile("is-continued"))
    expect(bob.row("two")).to_have_class(re.compile("is-continued"))
    assert bob.page.locator("#messages .day").count() == 1
    bob.write("three")
    bob.sees_stored("three")
    room.ann_says("four")
    expect(bob.sees("four")).not_to_have_class(re.compile("is-continued"))


def test_text_from_people_is_never_markup(bob, room):
    room.ann_says("<img src=x onerror=alert(1)> & <b>x</b>")
    row = bob.sees("<img src=x")
    assert row.locator(".message-body img, .message-body b").count() == 0


def test_the_switcher_opens_on_a_russian_layout_and_leads_to_a_person(two):
    ann, bob = two
    # On a Russian layout the key named K types л: only its place tells.
    ann.page.evaluate(
        """document.dispatchEvent(new KeyboardEvent("keydown",
        {key: "л", code: "KeyK", ctrlKey: true, bubbles: true, cancelable: true}))"""
    )
    field = ann.page.locator("#switcher input")
    expect(field).to_be_focused()
    field.fill(bob.nickname[:2].lower())
    expect(ann.page.locator("#switcher [role=option][aria-selected=true]")).to_have_text(
        bob.nickname
    )
    field.press("Enter")
    ann.page.wait_for_url(f"**/dm/{bob.nickname}")
    ann.online()
    ann.write("just us")
    ann.sees("just us")
    link = bob.page.locator("#direct-links [data-channel-link]", has_text=ann.nickname)
    expect(link.locator(".unread-count")).to_have_text("1")
