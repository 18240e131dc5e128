"""Presence in the browser: changes are applied; after a gap the whole list is fetched."""

import re

from playwright.sync_api import expect

from chat.presence import lease_scripts
from chat.redis_schema import keys
from tests.browser.conftest import session_of
from tests.support.servers import BROWSERS


def listens(person) -> list[str]:
    """The requests for people that this page makes from now on."""
    asked: list[str] = []
    person.page.on(
        "request", lambda r: asked.append(r.url) if re.search("/api/users", r.url) else None
    )
    return asked


def shows(person, member, there: bool = True) -> None:
    row = person.page.locator(f'#online-people [data-person="{member.id}"]')
    expect(row).to_have_count(1 if there else 0)


def test_who_comes_and_goes_is_shown_by_what_changed_alone(two, site):
    ann, bob = two
    shows(ann, site.members["Bob"])
    asked = listens(ann)
    tab = site.members["Vera"].tab()
    shows(ann, site.members["Vera"])
    bob.page.close()
    shows(ann, site.members["Bob"], there=False)
    tab.close()
    shows(ann, site.members["Vera"], there=False)
    ann.page.reload()
    ann.online()
    shows(ann, site.members["Bob"], there=False)
    # Names may be asked for: of whom an earlier test left online, and who goes just now.
    assert not [url for url in asked if url.endswith("/online")]


def test_who_came_and_went_while_the_line_was_cut_is_told_at_the_next_greeting(two, site, wire):
    ann, bob = two
    shows(ann, site.members["Bob"])
    asked = listens(ann)
    wire.cut()
    ann.offline()
    watcher = site.members["Vera"].tab()
    bob.page.close()
    watcher.sees_offline(site.members["Bob"].id)
    wire.mend()
    ann.online()
    shows(ann, site.members["Bob"], there=False)
    shows(ann, site.members["Vera"])
    assert not [url for url in asked if url.endswith("/online")]
    watcher.close()


def test_a_browser_that_misses_a_number_asks_for_the_list(two, site, valkey):
    ann, bob = two
    shows(ann, site.members["Bob"])
    asked = listens(ann)
    # A process took a number, and died before it told anybody.
    names = [keys.presence(part) for part in ("conns", "count", "seq", "log")]
    valkey.client(BROWSERS).eval(
        lease_scripts.BEAT, len(names), *names, 5000, f"{'f' * 24}|nowhere"
    )
    bob.page.close()
    shows(ann, site.members["Bob"], there=False)
    assert [url for url in asked if url.endswith("/api/users/online")]
    # And is in step again: the next change needs no question.
    asked.clear()
    back = ann.context.browser.new_context(storage_state=session_of(site.members["Bob"]))
    back.new_page().goto(ann.page.url)
    shows(ann, site.members["Bob"])
    back.close()


def test_who_switches_channels_quickly_stays_online_for_others(bob, site):
    watcher = site.members["Vera"].tab()
    bob_id = site.members["Bob"].id
    watcher.sees_online(bob_id)
    paths = [bob.channel_path, site.channel_path, "/channels"]
    for turn in range(16):  # four seconds: three times the grace
        bob.page.goto(bob.url + paths[turn % 3], wait_until="commit")
        bob.page.wait_for_timeout(250)  # this is what is tested
    bob.online()
    assert not any(bob_id in data["offline"] for data in watcher.heard("presence"))
    bob.page.close()
    watcher.sees_offline(bob_id)
    watcher.close()
