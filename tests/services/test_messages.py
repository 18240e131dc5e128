"""Messages: the range that a page claims to hold, and invalid numbers."""

from types import SimpleNamespace

import pytest
from bson import ObjectId

from chat.errors import NotFound
from chat.models import Message
from chat.services import directs, messages


def post(site: SimpleNamespace, n: int) -> dict:
    return messages.post(site.owner, site.channel, f"text {n}", f"client-{n:04}")[0]


def store_behind(message: dict) -> None:
    """The next message as its writer leaves it in MongoDB, before the caches are told of it."""
    row = Message._get_collection().find_one({"_id": ObjectId(message["id"])})
    number = message["seq"] + 1
    row |= {"_id": ObjectId(), "seq": number, "client_id": f"client-{number:04}"}
    Message._get_collection().insert_one(
        row | {"rev": number, "first_rev": number, "taken": [number]}
    )


def test_a_page_claims_no_change_that_its_rows_do_not_show(site: SimpleNamespace):
    """The browser asks only for what came after: a message stored a moment ago would be missed."""
    first = post(site, 1)
    messages.newest(site.owner, site.channel)
    store_behind(first)

    found, _more, rev = messages.newest(site.owner, site.channel)
    missed, _more = messages.changes(site.owner, site.channel, rev=rev)

    shown = {message["seq"] for message in [*found, *missed]}
    assert shown == {1, 2}


def test_numbers_beyond_all_numbers_are_just_later_than_everything(site: SimpleNamespace):
    post(site, 1)
    beyond = 10**30
    seqs = [m["seq"] for m in messages.history(site.owner, site.channel, before=beyond)[0]]
    assert seqs == [1]
    assert messages.history(site.owner, site.channel, after=beyond) == ([], False)
    assert [m["seq"] for m in messages.around(site.owner, site.channel, beyond)[0]] == [1]


def test_an_id_has_one_spelling(site: SimpleNamespace):
    """Otherwise a post to a conversation in capitals is stored, and then refused and not told."""
    direct = directs.open_direct(site.owner, [site.other.id])["id"]
    with pytest.raises(NotFound):
        messages.post(site.owner, direct.upper(), "hello", "client-0001")
    assert messages.history(site.owner, direct) == ([], False)
