"""Many people, channels and invites, stored past the product as its models would store them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bson import ObjectId

from chat.models import Channel, Invite, Membership, User, base
from chat.text.validate import nickname_key
from tests.support.emptied import empty_redis


def people(names: Iterable[str], **fields: Any) -> list[ObjectId]:
    """Accounts of these nicknames; their ids."""
    like = dict(User(nickname="x", nickname_key="x", password_hash="-").to_mongo())
    return _stored(
        User,
        (
            like
            | fields
            | {"_id": ObjectId(), "nickname": name, "nickname_key": nickname_key(name)}
            for name in names
        ),
    )


def channels(names: Iterable[str], maker: ObjectId, **fields: Any) -> list[ObjectId]:
    """Public channels of these names; their ids."""
    like = dict(Channel(kind="public").to_mongo())
    return _stored(
        Channel,
        (
            like
            | fields
            | {"_id": ObjectId(), "slug": f"{n}-{name}"[:80], "name": name, "created_by": maker}
            for n, name in enumerate(names)
        ),
    )


def directs(others: Iterable[ObjectId], me: ObjectId) -> list[ObjectId]:
    """Conversations of one person with each of the others; their ids."""
    like = dict(Channel(kind="direct", name="").to_mongo())
    made = _stored(Channel, (_direct(like, sorted((me, other))) for other in others))
    for channel, other in zip(made, others, strict=True):
        join([channel], other)
    join(made, me)
    return made


def _direct(like: dict, pair: list[ObjectId]) -> dict:
    oid = ObjectId()
    key = ",".join(map(str, pair))
    return like | {
        "_id": oid, "slug": f"dm-{oid}", "people": pair, "people_key": key, "created_by": pair[0],
    }  # fmt: skip


def join(channels: Iterable[ObjectId], person: ObjectId) -> None:
    """Memberships of one person."""
    like = dict(Membership().to_mongo())
    _stored(
        Membership,
        (like | {"_id": ObjectId(), "channel": cid, "user": person} for cid in channels),
    )


def invites(number: int, maker: ObjectId) -> None:
    """Valid invites; each is a second older than the one before."""
    now = base.now()
    like = {"created_by": maker, "expires_at": now + timedelta(days=7), "uses": 0}
    _stored(
        Invite,
        (
            like | {"_id": f"invite-{n:06}", "created_at": now - timedelta(seconds=n)}
            for n in range(1, number + 1)
        ),
    )


def _stored(document: Any, rows: Iterable[dict]) -> list[Any]:
    kept = list(rows)
    if kept:
        document._get_collection().insert_many(kept, ordered=False)
    empty_redis()
    return [row["_id"] for row in kept]
