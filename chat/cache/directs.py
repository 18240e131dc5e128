"""Lists the cached values that a post to a direct channel reads, so that they can be prefetched."""

from chat.cache import channels, users
from chat.cache.process_copies import copies
from chat.cache.read_through import Source
from chat.redis_schema import keys


def sources(channel_id: str, author: str) -> list[Source]:
    """The direct channel and the profiles of its other people; [] if this process has no copy."""
    kept = copies.get(keys.direct(channel_id))
    if not kept or not kept.value:
        return []
    others = (uid for uid in kept.value["people"] if uid != author)
    return [channels.direct_source(channel_id), *map(users.profile_source, others)]
