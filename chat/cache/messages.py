"""The newest messages of each channel, cached (R6). Almost every reader of a channel needs them."""

from chat.cache import codec, read_through, shapes
from chat.cache.decoders import decoder
from chat.cache.fence import writes as fence_writes
from chat.cache.fence.writes import Ending, Write
from chat.cache.process_copies import Copy
from chat.cache.read_through import Shape, Source
from chat.models import Message
from chat.models.message import MOST_CHARACTERS, in_stream, size_of
from chat.redis_schema import keys

MOST = shapes.MOST_MESSAGES
LONG = MOST_CHARACTERS // MOST  # characters; fifty messages of at most this length fit one answer

SHAPE = Shape(
    "messages",
    "TTL_MESSAGES",
    ("LRANGE", 0, -1),
    "RPUSH",
    lambda messages, key: [codec.dump(m) for m in messages] or [shapes.nothing(key)],
    decoder("cache:messages:recent:*"),
)


def source(channel_id: str) -> Source:
    """The newest messages of one channel."""
    return Source(
        keys.recent_messages(channel_id),
        SHAPE,
        lambda: Message.page(channel_id, None, None, MOST)[0],
    )


def get_recent(channel_id: str) -> list[dict]:
    """The newest messages, at most 50, oldest first. Don't change them."""
    return read_through.get(source(channel_id))  # type: ignore[no-any-return]


def look(channel_id: str) -> Copy:
    """The newest messages, with their version."""
    return read_through.look(source(channel_id))


def stored(write: Write, messages: list[dict]) -> tuple[Write, Ending]:
    """How to end a write of posts or changes: apply them if no earlier one is missing (R10).

    If one of them is long the list is deleted instead. The next fill limits its total length.
    """
    if any(size_of(message) > LONG for message in messages if in_stream(message)):
        return write, fence_writes.drop()
    changes = [(m["rev"], m["seq"], codec.dump(m) if in_stream(m) else "") for m in messages]
    return write, fence_writes.change(changes, MOST)
