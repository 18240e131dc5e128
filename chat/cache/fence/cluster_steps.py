"""Replacements for the fence's scripts while a Cluster moves the slot (``chat.redis.scripts``).

A read or fill needs all keys in one step, so while the slot moves it gets BUSY or does nothing.
Readers then ask MongoDB for the values in this slot; other slots work as usual.

A write works key by key. It is announced in W before its token is set, so no reader gets that
token, and no fill with an older token succeeds. The other commands go in one round trip, and the
two nodes may run them in any order. If the move ends in between, readers find the write in
progress, or D deleted, or the value that MongoDB has after the write.
"""

from typing import Any

from chat.cache import wrong_type
from chat.cache.fence.scripts import (
    BEGIN,
    BUSY,
    END,
    END_APPEND,
    END_CHANGES,
    END_TOUCH,
    FILL,
    LEARN,
    READ,
    RELEASE,
    TOKEN,
)
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
    pipe = client.pipeline(transaction=False)
    pipe.set(token, writer, ex=seconds)
    pipe.delete(data)
    pipe.execute()
    return 1


def _end(client: Any, keys: list[str], args: list[Any]) -> int:
    data, token, writes = keys
    writer, new, seconds, *_ = args
    pipe = client.pipeline(transaction=False)
    pipe.delete(data)
    pipe.set(token, new, ex=seconds)
    pipe.zrem(writes, writer)
    pipe.execute()
    return 1


def _release(client: Any, keys: list[str], args: list[Any]) -> int:
    data, _token, writes = keys
    pipe = client.pipeline(transaction=False)
    pipe.delete(data)
    pipe.zrem(writes, args[0])
    pipe.execute()
    return 1


def _read(client: Any, keys: list[str], args: list[Any]) -> list[int]:
    return [BUSY]


def _token(client: Any, keys: list[str], args: list[Any]) -> None:
    return None  # unknown


def _fill(client: Any, keys: list[str], args: list[Any]) -> int:
    return 0  # not stored


for _script in (
    READ, FILL, TOKEN, LEARN, BEGIN, RELEASE, END, END_APPEND, END_CHANGES, END_TOUCH,
):  # fmt: skip
    wrong_type.run_again(_script)

scripts.in_steps(READ, _read)
scripts.in_steps(FILL, _fill)
scripts.in_steps(TOKEN, _token)
scripts.in_steps(LEARN, _fill)
scripts.in_steps(BEGIN, _begin)
scripts.in_steps(RELEASE, _release)
for _script in (END, END_APPEND, END_CHANGES, END_TOUCH):
    scripts.in_steps(_script, _end)
