"""Counters with a lifetime, for rate limits: in Redis, or in this process while Redis is down.

In Redis all processes count together. If Redis hangs, that costs one short timeout of the door,
then nothing.
"""

import time

from limits.storage import Storage

from chat.lru import LRU
from chat.redis import DOWN, Down
from chat.redis.client import redis

PREFIX = "limit:"

# Increments a counter and returns it. KEYS: counter. ARGV: amount, seconds. One script, so that no
# counter is left without a lifetime. A value that is no number, negative or without lifetime was
# not written by us: then the window starts again.
COUNT = """
local n = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(n) == 'number' and n >= tonumber(ARGV[1]) and redis.call('TTL', KEYS[1]) >= 0 then
  return n
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return tonumber(ARGV[1])
"""

# KEYS: counter. Returns its value. A value that is no number is deleted.
HELD = """
local text = redis.pcall('GET', KEYS[1])
if not text then return 0 end
if type(text) == 'string' and string.find(text, '^%d+$') and #text < 16 then
  return tonumber(text)
end
redis.call('DEL', KEYS[1])
return 0
"""
# KEYS: counter. Decrements it if it is a positive number.
GIVE_BACK = """
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'string' and string.find(text, '^[1-9]%d*$') and #text < 16 then
  return redis.call('DECR', KEYS[1])
end
return 0
"""
MOST_COUNTS = 50_000  # counters in a process without Redis; anonymous clients choose their names


class Counters:
    """The counters of this process. They expire by the monotonic clock."""

    def __init__(self) -> None:
        self._counts: LRU[str, tuple[int, float]] = LRU(MOST_COUNTS)  # value, end

    def add(self, key: str, seconds: int, amount: int) -> int:
        """Add to a counter; its new value. The first addition sets the end."""
        count, until = self._now(key)
        if until <= time.monotonic():
            count, until = 0, time.monotonic() + seconds
        self._counts.put(key, (count + amount, until))
        return count + amount

    def give_back(self, key: str) -> None:
        """Decrement a counter if it is positive."""
        count, until = self._now(key)
        if count > 0:
            self._counts.put(key, (count - 1, until))

    def get(self, key: str) -> int:
        """The value of a counter, 0 if it has expired."""
        return self._now(key)[0]

    def left(self, key: str) -> float:
        """Seconds until the counter expires."""
        return max(0.0, self._now(key)[1] - time.monotonic())

    def clear(self, key: str) -> None:
        """Delete one counter."""
        self._counts.drop(key)

    def reset(self) -> int:
        """Delete all counters; their number."""
        count = len(self._counts)
        self._counts.clear()
        return count

    def _now(self, key: str) -> tuple[int, float]:
        count, until = self._counts.get(key) or (0, 0.0)
        return (count, until) if until > time.monotonic() else (0, 0.0)


class DoorStorage(Storage):
    """Counters in Redis; while Redis is down, in the memory of this process."""

    STORAGE_SCHEME = ["chat-door"]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: object) -> None:
        super().__init__(uri, wrap_exceptions)
        self._memory = Counters()

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count = redis.run(COUNT, [PREFIX + key], [amount, expiry], "limit")
        return self._memory.add(key, expiry, amount) if count is DOWN else int(count)

    def give_back(self, key: str) -> None:
        """Decrement a counter: undo an addition."""
        if redis.run(GIVE_BACK, [PREFIX + key], [], "limit") is DOWN:
            self._memory.give_back(key)

    def get(self, key: str) -> int:
        count = redis.run(HELD, [PREFIX + key], [], "limit")
        return self._memory.get(key) if count is DOWN else int(count)

    def get_expiry(self, key: str) -> float:
        left = redis.call(lambda client: client.pttl(PREFIX + key), "limit")
        if isinstance(left, Down):
            return time.time() + self._memory.left(key)
        return time.time() + max(0, left) / 1000

    def check(self) -> bool:
        return True  # counting always works, at least in memory

    def reset(self) -> int | None:
        return self._memory.reset()

    def clear(self, key: str) -> None:
        self._memory.clear(key)
        redis.call(lambda client: client.delete(PREFIX + key), "limit")
