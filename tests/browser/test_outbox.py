"""Messages written without a connection are neither lost nor sent twice."""

import re

from playwright.sync_api import expect

from tests.browser.frames import lose_next_acknowledgement, no_sockets, refuse_next_post

WAITING = "sending"
NUMBER = re.compile(r"\d+")
ANYTHING = re.compile(".*")


def test_messages_written_offline_stay_visible_and_arrive_once_in_order(ann, bob, room, wire):
    wire.cut()
    ann.offline()
    texts = [f"offline {number}" for number in range(5)]
    for text in texts:
        expect(ann.composer).to_be_editable()
        ann.write(text)
        expect(ann.sees(text)).to_have_attribute("data-state", WAITING)
    wire.mend()
    ann.online()
    bob.sees(texts[-1])
    assert [text for text in bob.texts() if text.startswith("offline")] == texts
    expect(ann.page.locator(".message[data-state]")).to_have_count(0)
    assert [text for text in room.stored() if text.startswith("offline")] == texts
    assert [text for text in ann.texts() if text.startswith("offline")] == texts


def test_an_unsent_message_survives_a_reload(ann, bobs_line, room):
    # The page itself can be had again; only sending fails.
    ann.page.route("**/api/channels/*/messages", lambda route: route.abort())
    no_sockets(ann)
    expect(ann.page.locator("body[data-ready]")).to_be_attached()
    ann.write("before the reload")
    ann.sees("before the reload")
    ann.page.reload()
    expect(ann.sees("before the reload")).to_have_attribute("data-state", WAITING)
    ann.page.unroute_all()
    expect(ann.sees("before the reload")).to_have_attribute("data-seq", NUMBER)
    bobs_line.hears("before the reload")
    assert room.stored().count("before the reload") == 1


def test_two_tabs_with_the_same_unsent_message_store_it_once(ann, bobs_line, room, wire):
    second = ann.another_tab().online()
    wire.cut()
    ann.offline()
    second.offline()
    ann.write("from one of two tabs")
    second.sees("from one of two tabs")
    wire.mend()
    ann.online()
    second.online()
    for person in (ann, second):
        expect(person.sees("from one of two tabs")).to_have_attribute("data-seq", NUMBER)
    bobs_line.hears("from one of two tabs")
    assert room.stored().count("from one of two tabs") == 1


def test_a_lost_acknowledgement_stores_nothing_twice(ann, bobs_line, room):
    lost = lose_next_acknowledgement(ann)
    ann.write("was I told?").write("after")
    expect(ann.sees("after")).to_have_attribute("data-seq", NUMBER)
    bobs_line.hears("after")
    assert len(lost) == 1
    assert room.stored() == ["was I told?", "after"]
    assert ann.texts() == ["was I told?", "after"]


def test_a_refused_message_says_why_and_keeps_its_text(ann, bobs_line):
    refuse_next_post(ann, "too_large", "This server takes less at a time")
    ann.write("kept text")
    row = ann.sees("kept text")
    expect(row).to_have_attribute("data-state", "unsent")
    expect(row).to_contain_text("This server takes less at a time")
    ann.page.reload()
    row = ann.sees("kept text")
    expect(row).to_have_attribute("data-state", "unsent")
    row.locator(".message-retry").click()
    expect(ann.sees("kept text")).not_to_have_attribute("data-state", ANYTHING)
    bobs_line.hears("kept text")


def test_an_unsent_message_can_be_thrown_away(ann, room):
    refuse_next_post(ann, "forbidden", "Not here")
    ann.write("never mind")
    ann.sees("never mind").locator(".message-discard").click()
    expect(ann.row("never mind")).to_have_count(0)
    ann.page.reload()
    ann.online()
    expect(ann.row("never mind")).to_have_count(0)
    assert "never mind" not in room.stored()


def test_too_long_a_text_stays_in_the_field_with_the_reason(ann):
    ann.composer.fill("я" * 8001)
    expect(ann.page.locator(".composer-count")).to_be_visible()
    ann.composer.press("Enter")
    assert len(ann.composer.input_value()) == 8001
    ann.composer.fill("я" * 8000)
    ann.composer.press("Enter")
    expect(ann.composer).to_have_value("")
    expect(ann.rows.last).to_have_attribute("data-seq", NUMBER)


def test_a_draft_survives_a_reload_and_is_gone_once_sent(ann, bobs_line):
    ann.composer.fill("half a tho")
    ann.page.reload()
    expect(ann.composer).to_have_value("half a tho")
    ann.online()
    ann.composer.press("Enter")
    bobs_line.hears("half a tho")
    ann.page.reload()
    expect(ann.composer).to_have_value("")


def test_a_draft_that_has_been_sent_is_not_in_the_field_again(ann, bobs_line):
    """On a slow line a person is faster than the scripts: the page itself sends the form. A script
    that starts before the answer comes finds the text in the field, and keeps it as a draft."""
    text = "faster than the script\n\n- yes"
    ann.write(text)
    ann.online()
    expect(ann.rows.last).to_have_attribute("data-seq", NUMBER)
    bobs_line.hears(text)
    ann.composer.fill(f"{text}\n")  # as that script finds it
    ann.page.reload()
    expect(ann.page.locator("body[data-ready]")).to_be_attached()
    expect(ann.composer).to_have_value("")
    ann.composer.fill("another")
    ann.page.reload()
    expect(ann.composer).to_have_value("another")
