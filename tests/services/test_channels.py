"""Channels, and the state after a crash during the creation of one."""

from types import SimpleNamespace

from bson import ObjectId

from chat.models import Channel
from chat.services import directs, messages


def test_a_conversation_that_was_only_half_made_can_be_used_all_the_same(site: SimpleNamespace):
    """The process died after it had stored the channel and before anybody was a member."""
    people = sorted([site.owner.id, site.other.id])
    left = Channel(id=ObjectId(), kind="direct", created_by=site.owner.id, people=people)
    left.slug, left.people_key = f"dm-{left.id}", ",".join(people)
    left.save(force_insert=True)

    assert directs.find_direct(site.owner, site.other.nickname)[1] is None
    view = directs.open_direct(site.owner, [site.other.id])

    assert (view["id"], view["member"]) == (str(left.id), True)
    messages.post(site.owner, view["id"], "hello", "client-0001")
    messages.post(site.other, view["id"], "hello yourself", "client-0002")
