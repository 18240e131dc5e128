"""What a post to a direct conversation asks for, so that it can be asked for ahead."""

from chat.cache import channels, users
from chat.cache.process_copies import copies
from chat.cache.read_through import Source
from chat.redis_schema import keys


def sources(channel_id: str, author: str) -> list[Source]:
    """The conversation and the other people in it, as far as this process remembers them."""
    kept = copies.get(keys.direct(channel_id))
    if not kept or not kept.value:
        return []
    others = (uid for uid in kept.value["people"] if uid != author)
    return [channels.direct_source(channel_id), *map(users.profile_source, others)]
