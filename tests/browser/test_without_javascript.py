"""Without JavaScript the plain pages and forms are enough for a first visit."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD


def test_register_read_post_edit_delete_and_log_out(site, meet):
    reader = meet("Plain", site.url, java_script_enabled=False)
    page = reader.page
    page.goto(site.invite)
    page.fill("[name=nickname]", "Plain")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    reader.open(site.channel_path)
    expect(page.locator("#messages")).to_be_attached()

    reader.composer.fill("written **without** a script")
    page.click("#composer button[type=submit]")
    row = reader.sees("written without a script")
    expect(row.locator("strong")).to_have_text("without")
    expect(reader.composer).to_have_value("")

    row.locator(".message-more").click()
    page.locator("main [data-action=edit]").click()
    page.fill("main textarea[name=text]", "changed without a script")
    page.locator("main form button[type=submit]").first.click()
    row = reader.sees("changed without a script")
    expect(row.locator(".message-edited")).to_be_visible()

    row.locator(".message-more").click()
    page.locator("main [data-action=delete]").click()
    page.locator("main form button[type=submit]").first.click()
    expect(reader.row("changed without a script")).to_have_count(0)
    expect(page.locator(".message[data-deleted]").last).to_be_visible()

    page.click("form[action='/logout'] button")
    page.goto(site.url + site.channel_path)
    expect(page).to_have_url(re.compile(r"/login\?next="))


def test_everything_that_can_be_done_with_a_message_is_on_one_page(site, meet):
    writer = site.members["Ann"]
    channel = writer.new_channel()
    message = writer.say(channel, "one of **mine**")
    assert site.members["Bob"].post(f"/api/channels/{channel['id']}/join").status_code == 204
    for nickname, offered in (("Ann", ["edit", "delete"]), ("Bob", []), ("Vera", [])):
        storage = session_of(site.members[nickname])
        reader = meet(nickname, site.url, java_script_enabled=False, storage_state=storage)
        reader.open(f"/channels/{channel['slug']}")
        more = reader.sees("one of mine").locator(".message-more")
        expect(more).to_have_css("opacity", "1")
        more.click()
        main = reader.page.locator("main")
        expect(main.locator(".quoted strong")).to_have_text("mine")
        expect(main.locator("#message-link")).to_have_value(f"{site.url}/messages/{message['id']}")
        actions = main.locator("[data-action]")
        assert [node.get_attribute("data-action") for node in actions.all()] == offered
        main.get_by_role("link", name="Back to the conversation").click()
        expect(reader.page).to_have_url(re.compile(rf"/m/{message['seq']}#m{message['seq']}$"))


def test_a_refused_message_comes_back_with_its_text_and_the_reason(site, meet):
    reader = meet("Plainer", site.url, java_script_enabled=False).register(site.invite)
    reader.open(site.channel_path)
    # Around the browser's own limit, as any other client could.
    token = reader.page.get_attribute('meta[name="csrf-token"]', "content")
    answer = reader.context.request.post(
        f"{site.url}{site.channel_path}/messages",
        form={"csrf_token": token, "text": "я" * 8001, "client_id": "plain-too-long"},
    )
    assert answer.status == 422
    assert "я" * 8001 in answer.text()


def test_older_messages_are_a_link_away(site, meet):
    writer = site.members["Ann"]
    channel = writer.new_channel()
    for number in range(60):
        writer.say(channel, f"old {number:03}")
    reader = meet("Ann", site.url, java_script_enabled=False, storage_state=session_of(writer))
    reader.open(f"/channels/{channel['slug']}")
    expect(reader.row("old 005")).to_have_count(0)
    reader.page.click("#load-older")
    reader.sees("old 005")
