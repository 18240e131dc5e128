"""The writer's half of the fence key by key, while a Cluster moves the slot (chat.redis.scripts).

Readers and those who fill need all keys at once, so they are refused meanwhile and ask MongoDB. If
the move ends between two steps they find either the write under way or D gone: a token is given to
nobody before the last step, and what was read before the first one fits no token any more.
"""

from typing import Any

from chat.cache.fence_scripts import BEGIN, END, END_APPEND, END_TOUCH
from chat.redis import scripts

# KEYS: W. ARGV: writer, seconds.
_ANNOUNCE = """
local t = redis.call('TIME')
redis.call('ZADD', KEYS[1], t[1] * 1000 + math.floor(t[2] / 1000), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


def _begin(client: Any, keys: list[str], args: list[Any]) -> int:
    data, token, writes = keys
    writer, seconds, *_ = args
    scripts.run(client, _ANNOUNCE, [writes], [writer, seconds])
    client.set(token, writer, ex=seconds)
    client.delete(data)
    return 1


def _end(client: Any, keys: list[str], args: list[Any]) -> int:
    data, token, writes = keys
    writer, new, seconds, *_ = args
    client.delete(data)
    client.set(token, new, ex=seconds)
    client.zrem(writes, writer)
    return 1


scripts.in_steps(BEGIN, _begin)
for _script in (END, END_APPEND, END_TOUCH):
    scripts.in_steps(_script, _end)
