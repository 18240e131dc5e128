"""Remembers which user a session belonged to.

The guess lets a process ask for a session and for what its owner is going to need in one round trip
(``chat.web.prefetch``, ``chat.web.response_cache.middleware``). It is verified before use.
"""

from chat.lru import LRU

MOST = 20_000

callers: LRU[str, str] = LRU(MOST)  # session id → user id
