"""The members of each channel, cached (R5)."""

from chat.cache import read_through
from chat.cache.decoders import decoder
from chat.cache.process_copies import Copy
from chat.cache.read_through import Part, Shape, Source
from chat.cache.shapes import nothing
from chat.models import Membership, base
from chat.redis_schema import keys

SHAPE = Shape(
    "channel_users",
    "TTL_CHANNEL_USERS",
    ("SMEMBERS",),
    "SADD",
    lambda ids, key: sorted(ids) or [nothing(key)],
    decoder("cache:channel:users:*"),
)


def source(channel_id: str) -> Source:
    """The members of one channel."""
    return Source(
        keys.channel_users(channel_id), SHAPE, lambda: frozenset(Membership.user_ids(channel_id))
    )


def get_members(channel_id: str) -> frozenset[str]:
    """The ids of the channel's members."""
    return look(channel_id).value  # type: ignore[no-any-return]


def look(channel_id: str) -> Copy:
    """The ids of the channel's members, with their version."""
    if base.object_id(channel_id) is None:
        return Copy(frozenset())
    return read_through.look(source(channel_id))


def is_member(channel_id: str, user_id: str) -> bool:
    """Whether a person belongs to the channel. For a huge channel Redis does not send the set."""
    if base.object_id(channel_id) is None:
        return False
    if not read_through.is_cached("channel_users"):
        name = f"member {channel_id} {user_id}"
        return bool(read_through.past_redis(name, lambda: Membership.exists(channel_id, user_id)))
    part = Part(("SISMEMBER", user_id), lambda ids: user_id in ids)
    return read_through.ask(source(channel_id), part)
