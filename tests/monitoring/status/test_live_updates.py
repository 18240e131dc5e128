"""An open status page is told of a change, if its reader may see the page."""

from itertools import pairwise

import pytest

from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def turn(owner):
    """Puts something that the status page shows to what it never was, each time."""

    def put(was, now):
        fields = {"emoji": str(now), "was_emoji": str(was), "sure": "1"}
        assert owner.post_form("/admin/rollout", **fields).status_code == 303
        return now

    steps = pairwise(range(100, 0, -1))
    reached = [100]
    yield lambda: reached.append(put(*next(steps)))
    put(reached[-1], 100)


def pushes(tab):
    return len(tab.heard("status:changed"))


def test_only_admins_with_an_open_status_page_are_told(owner, new_person, turn):
    admin, member = new_person(role="admin").tab(), new_person().tab()
    assert admin.ask("status:watch") == {"ok": True}
    assert member.ask("status:watch")["error"] == "forbidden"
    silent = owner.tab()  # who has another page open
    turn()
    eventually(lambda: pushes(admin))
    for tab in (member, silent):
        tab.ask("presence:ping")  # answered after what was pushed before
        assert pushes(tab) == 0
    assert admin.heard("status:changed")[0] == {}


def test_a_demoted_admin_is_not_told_any_more(owner, new_person, turn):
    watching, fallen = owner.tab(), new_person(role="admin")
    tab = fallen.tab()
    for each in (watching, tab):
        assert each.ask("status:watch") == {"ok": True}
    turn()
    eventually(lambda: pushes(watching) and pushes(tab))
    owner.give_role(fallen, "member")

    def is_left_out():
        """Both are told by one process at once."""
        heard, before = pushes(watching), pushes(tab)
        turn()
        eventually(lambda: pushes(watching) > heard)
        tab.ask("presence:ping")
        return pushes(tab) == before

    eventually(is_left_out, seconds=30)
    assert tab.connected
