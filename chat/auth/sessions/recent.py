"""Remembers which user a session belonged to.

With this guess a process reads the session and its user's other values in one round trip
(``chat.web.prefetch``, ``chat.web.response_cache.middleware``). The guess is verified before use.
"""

from chat.lru import LRU

MOST = 20_000

callers: LRU[str, str] = LRU(MOST)  # session id → user id
