"""One decoder for each structure in Redis: it reads what we wrote and refuses everything else."""

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

    It gets what Redis sent and the key, and raises one of ``shapes.UNREADABLE`` for what is not
    ours.
    """
    return _DECODERS[name]
