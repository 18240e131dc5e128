"""The newest messages of each channel (R6): what almost every reader of a channel asks for."""

import json

from chat.cache import fence, keys, plain, through
from chat.cache.through import Shape
from chat.models import Message

MOST = 50
EMPTY = '{"seq":0}'

SHAPE = Shape(
    "messages",
    "TTL_MESSAGES",
    ("LRANGE", 0, -1),
    "RPUSH",
    lambda messages: [plain.dump(m) for m in messages] or [EMPTY],
    lambda texts: [json.loads(text) for text in texts if text != EMPTY],
)


def get_recent(channel_id: str) -> list[dict]:
    """The newest messages, at most 50, oldest first."""
    return through.get(
        keys.recent_messages(channel_id),
        SHAPE,
        lambda: Message.page(channel_id, None, None, MOST)[0],
    )


def posted(write: fence.Write, message: dict) -> tuple[fence.Write, fence.Ending]:
    """Add a stored message behind its predecessor (R10)."""
    return write, fence.append(message["seq"], plain.dump(message), MOST)
