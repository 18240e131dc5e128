"""What closes a socket, or removes it from a channel, in whichever process the socket is.

The sweep would do the same within a minute. ``is_cut`` waits for less than that, so these tests
show that nobody has to wait for the sweep.
"""

from tests.realtime.conftest import together
from tests.support.people import PASSWORD
from tests.support.waiting import eventually


def test_logging_out_cuts_this_sessions_sockets_everywhere_and_no_others(alice, beside):
    here, there = alice.tab(), alice.tab(beside.url)
    other = alice.again()
    kept = other.tab()
    alice.logout()
    here.is_cut()
    there.is_cut()
    assert kept.ask("presence:ping")["ok"]
    other.close()


def test_a_new_password_cuts_all_sockets_and_this_browser_comes_back(alice, beside, room):
    elsewhere = alice.again(beside.url)
    other, own, at_the_other = elsewhere.tab(), alice.tab(), alice.tab(beside.url)
    shown = alice.csrf  # on the pages that were open before
    fields = {"old_password": PASSWORD, "new_password": PASSWORD + "!"}
    assert alice.post_form("/settings/password", **fields).status_code == 303
    for tab in (other, own, at_the_other):  # whoever stole the cookie has a socket like these
        tab.is_cut()
    assert alice.csrf == shown
    assert alice.tab().post(room, "still me")["ok"]
    assert alice.get("/api/me").status_code == 200
    assert elsewhere.get("/api/me").status_code == 401


def test_logging_out_everywhere_else_cuts_the_other_sessions_and_spares_ones_own(
    alice, beside, room
):
    elsewhere, there = alice.again(), alice.again(beside.url)
    others, own = (elsewhere.tab(), there.tab()), alice.tab(beside.url)
    assert alice.post_form("/settings/sessions/end").status_code == 303
    for tab in others:
        tab.is_cut()
    assert own.post(room, "still me")["ok"]
    assert [person.get("/api/me").status_code for person in (alice, elsewhere, there)] == [
        200, 401, 401,
    ]  # fmt: skip


def test_who_gets_another_role_comes_back_with_another_session(alice, owner, room):
    tab, old = alice.tab(), alice.session.cookies["session"]
    owner.give_role(alice, "moderator")
    assert tab.post(room, "before the next page")["ok"]
    assert alice.get("/settings").status_code == 200
    assert alice.session.cookies["session"] != old
    tab.is_cut()
    assert alice.tab().post(room, "after it")["ok"]


def test_deactivation_cuts_the_sockets_at_every_process(bob, owner):
    tab = bob.tab()
    assert owner.post_form(f"/admin/people/{bob.id}/deactivate").status_code == 303
    tab.is_cut()


def test_who_is_removed_from_a_private_channel_hears_no_more(alice, bob, new_person, beside):
    carol = new_person(at=beside)
    channel = together(alice, bob, carol)
    here, there, witness = alice.tab(), bob.tab(), carol.tab()
    here.post(channel["id"], "all of us")
    there.hears("all of us")
    path = f"/channels/{channel['slug']}/people/{bob.id}/remove"
    assert alice.post_form(path).status_code == 303
    here.post(channel["id"], "just us two")
    witness.hears("just us two")
    eventually(lambda: {"channel": channel["id"]} in there.heard("channel:removed"))
    assert "just us two" not in there.texts()
    assert there.ask("channel:open", channel=channel["id"], after=0)["error"] == "not_found"


def test_a_changed_role_counts_at_the_next_event(alice, bob, room, owner):
    tab = bob.tab()
    message = alice.tab().post(room, "moderate me")["message"]
    assert tab.ask("message:delete", id=message["id"])["error"] == "forbidden"
    owner.give_role(bob, "moderator")
    assert tab.ask("message:delete", id=message["id"])["ok"]


def test_who_only_looked_into_a_channel_hears_no_more_once_it_is_archived(alice, bob, new_person):
    channel = alice.new_channel()
    message = alice.say(channel, "still public")
    outside, member = bob.tab(), alice.tab()
    assert outside.ask("channel:open", channel=channel["id"], after=0)["ok"]
    assert alice.post_form(f"/channels/{channel['slug']}/archive", archived="1").status_code == 303
    refused = outside.ask("channel:open", channel=channel["id"], after=0)
    assert refused["error"] == "not_found"
    assert alice.delete(f"/api/messages/{message['id']}").status_code == 204
    eventually(lambda: member.heard("message:deleted"))
    assert alice.post_form(f"/channels/{channel['slug']}/archive", archived="0").status_code == 303
    eventually(
        lambda: any(not told["channel"]["archived"] for told in outside.heard("channel:changed"))
    )
    assert not outside.heard("message:deleted")
