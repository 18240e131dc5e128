"""What ends a socket, or takes it out of a channel, at whichever process it is."""

import time

from tests.realtime.conftest import together
from tests.realtime.stage import PASSWORD, submit, until


def gone_after(tab) -> float:
    started = time.monotonic()
    assert until(lambda: not tab.connected)
    return time.monotonic() - started


def test_logging_out_cuts_this_sessions_sockets_everywhere_and_no_others(alice, site):
    here, there = alice.tab(), alice.tab(site.second.url)
    other = alice.log_in_again()
    kept = other.tab()
    alice.log_out()
    assert gone_after(here) + gone_after(there) < 1
    assert kept.ask("presence:ping")["ok"]
    other.leave()


def test_a_new_password_cuts_the_other_sessions_and_spares_ones_own(alice, site, room):
    elsewhere = alice.log_in_again(site.second.url)
    other, own = elsewhere.tab(), alice.tab()
    fields = {"old_password": PASSWORD, "new_password": PASSWORD + "!"}
    submit(alice.http, f"{alice.url}/settings/password", **fields)
    assert gone_after(other) < 1
    assert own.post(room, "still me")["ok"]
    assert alice.api("GET", "/api/me").status_code == 200


def test_deactivation_cuts_the_sockets_within_a_second(bob, site):
    tab, owner = bob.tab(), site.owner
    url = f"{owner.url}/admin/people/{bob.id}/deactivate"
    answer = owner.http.post(url, data={"csrf_token": owner.csrf}, allow_redirects=False)
    assert answer.status_code == 303
    assert gone_after(tab) < 1


def test_who_is_removed_from_a_private_channel_hears_no_more(alice, bob, person, site):
    carol = person(site.second)
    channel = together(alice, bob, carol)
    here, there, witness = alice.tab(), bob.tab(), carol.tab()
    here.post(channel, "all of us")
    assert there.hears("all of us")
    slug = next(c["slug"] for c in alice.api("GET", "/api/channels").json()["channels"]
                if c["id"] == channel)  # fmt: skip
    url = f"{alice.url}/channels/{slug}/people/{bob.id}/remove"
    assert alice.http.post(url, data={"csrf_token": alice.csrf}).ok
    here.post(channel, "just us two")
    assert witness.hears("just us two")
    assert until(lambda: {"channel": channel} in there.heard("channel:removed"))
    assert "just us two" not in there.texts()
    assert there.ask("channel:open", channel=channel, after=0)["error"] == "not_found"


def test_a_changed_role_counts_at_the_next_event(alice, bob, room, site):
    tab = bob.tab()
    message = alice.tab().post(room, "moderate me")["message"]
    assert tab.ask("message:delete", id=message["id"])["error"] == "forbidden"
    owner = site.owner
    url = f"{owner.url}/admin/people/{bob.id}/role"
    assert owner.http.post(url, data={"csrf_token": owner.csrf, "role": "moderator"}).ok
    assert tab.ask("message:delete", id=message["id"])["ok"]
