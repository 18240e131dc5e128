"""One decoder for each structure in Redis: it accepts what we wrote and refuses all else."""

from chat.cache import shapes, unread_tail
from chat.cache.shapes import Decoder

_DECODERS: dict[str, Decoder] = {
    "session:*": shapes.session,
    "cache:users:list": shapes.people,
    "cache:users:profile:*": shapes.profile,
    "cache:users:online": shapes.ids,
    "cache:channels:list": shapes.channels,
    "cache:channels:direct:*": shapes.direct,
    "cache:channel:users:*": shapes.ids,
    "cache:messages:recent:*": shapes.messages,
    "cache:messages:tail:*": unread_tail.decode,
    "cache:users:marks:*": shapes.marks,
    "cache:emoji:classics": shapes.emoji,
    "cache:site": shapes.site,
}


def decoder(name: str) -> Decoder:
    """The decoder of a structure, by its declared name in ``chat.redis_schema.keys``.

    A decoder is called with the answer of Redis and the key. It raises one of
    ``shapes.UNREADABLE`` if the value was not written by us.
    """
    return _DECODERS[name]
