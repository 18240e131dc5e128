"""Open lists of members are told who joined and who left, in every process."""

from tests.support.waiting import eventually


def moves(tab, channel_id: str) -> list[tuple[str, str]]:
    """What this tab heard of a channel's members: who joined and who left."""
    heard = [data for data in tab.heard("channel:changed") if data["channel"]["id"] == channel_id]
    return [(word, data[word]) for data in heard for word in ("joined", "left") if word in data]


def heard_of(tab, channel_id: str, who: str) -> list[str]:
    return [word for word, whom in moves(tab, channel_id) if whom == who]


def test_who_joins_is_told_with_the_name_and_who_leaves_by_id(alice, beside, new_person):
    channel = alice.new_channel()
    tab, carol = alice.tab(), new_person(at=beside)
    assert carol.post(f"/api/channels/{channel['id']}/join").status_code == 204
    eventually(lambda: heard_of(tab, channel["id"], carol.id) == ["joined"])
    told = next(d for d in tab.heard("channel:changed") if d.get("joined") == carol.id)
    assert told["person"] == {"id": carol.id, "nickname": carol.nickname, "status": ""}
    assert carol.post(f"/api/channels/{channel['id']}/join").status_code == 204
    assert carol.post(f"/api/channels/{channel['id']}/leave").status_code == 204
    eventually(lambda: heard_of(tab, channel["id"], carol.id) == ["joined", "left"])


def test_who_makes_an_account_at_another_process_joins_the_first_channel(owner, beside, new_person):
    first = min(owner.get("/api/channels").json()["channels"], key=lambda channel: channel["id"])
    tab = owner.tab()
    fresh = new_person(at=beside)
    eventually(lambda: heard_of(tab, first["id"], fresh.id) == ["joined"])
    tab.close()


def test_who_is_deactivated_leaves_every_list_and_comes_back(owner, alice, bob, beside, new_person):
    public, private = alice.new_channel(), alice.new_channel("private")
    carol = new_person(at=beside)
    for channel in (public, private):
        path = f"/api/channels/{channel['id']}/people/{carol.id}"
        assert alice.post(path).status_code == 204
    tab, outsider = alice.tab(), bob.tab()
    assert owner.post_form(f"/admin/people/{carol.id}/deactivate").status_code == 303
    for channel in (public, private):
        eventually(lambda at=channel["id"]: heard_of(tab, at, carol.id) == ["left"])
    assert owner.post_form(f"/admin/people/{carol.id}/reactivate").status_code == 303
    for channel in (public, private):
        eventually(lambda at=channel["id"]: heard_of(tab, at, carol.id) == ["left", "joined"])
    assert moves(outsider, private["id"]) == []
