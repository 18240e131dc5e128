"""Who belongs to a channel (R5)."""

from chat.cache import keys, through
from chat.cache.through import Part, Shape
from chat.models import Membership, base

SHAPE = Shape(
    "channel_users",
    "TTL_CHANNEL_USERS",
    ("SMEMBERS",),
    "SADD",
    lambda ids: sorted(ids) or [""],
    lambda ids: set(ids) - {""},
)


def get_members(channel_id: str) -> set[str]:
    """The ids of the channel's members."""
    if base.object_id(channel_id) is None:
        return set()
    return through.get(
        keys.channel_users(channel_id), SHAPE, lambda: Membership.user_ids(channel_id)
    )


def is_member(channel_id: str, user_id: str) -> bool:
    """Whether somebody belongs to the channel; moves one bit, not the whole set."""
    if base.object_id(channel_id) is None:
        return False
    part = Part(("SISMEMBER", user_id), bool, lambda ids: user_id in ids)
    key = keys.channel_users(channel_id)
    return through.ask(key, SHAPE, lambda: Membership.user_ids(channel_id), part)
