"""Our mark in the database: whether what is there is what this process has seen there before.

``chat:mark`` holds a random ``epoch``, made when a database without a mark is first used, and a
``beat`` that each look of each process raises. The epoch goes away with what is there (FLUSHALL),
and is another one where another database took its place (SWAPDB, under living connections; a
replica of something else). The beat is lower where an older state came back (a snapshot that was
restored). In all these cases nothing there is trusted (``chat.redis.recovery``).

Who asks about cached values asks for the epoch last, in the same write: what was answered before it
came from the same database. So that costs no round trip, and no answer of another database is used.
In a Cluster there is no SWAPDB, and the mark lives on one node: there only the looks compare it.

A process that stops using Redis while others go on takes the epoch away (``REVOKE``), so that none
of them trusts what is there after its next round trip (``chat.redis.revocation``). The beat stays:
it tells that the mark was ours.

An answer is compared with what was expected when it was asked for. While it lies there a look of
this process may raise the beat, and a busy process leaves answers lying for long.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hiredis import pack_command

from chat.redis import prefix
from chat.redis.errors import Unfit

if TYPE_CHECKING:
    from chat.redis.watch import Seen

KEY = "chat:mark"

REVOKE = ("HDEL", KEY, "epoch")

# KEYS: the mark. ARGV: an epoch for where there is none, or ""; "1" to raise the beat. What
# somebody else left under this name goes. Without an epoch the beat tells whether there was one.
LOOK = """
local epoch = redis.pcall('HGET', KEYS[1], 'epoch')
if type(epoch) == 'table' then
  if not string.find(epoch.err, 'WRONGTYPE', 1, true) then return epoch end
  redis.call('DEL', KEYS[1])
  epoch = false
end
if not epoch and ARGV[1] ~= '' then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'beat', 0)
end
local beat = epoch and 0 or redis.call('HEXISTS', KEYS[1], 'beat')
if epoch and ARGV[2] == '1' then
  local last = redis.call('HGET', KEYS[1], 'beat') or ''
  if not string.find(last, '^%d+$') or tonumber(last) > 2^53 then
    redis.call('HSET', KEYS[1], 'beat', 0)
  end
  beat = redis.call('HINCRBY', KEYS[1], 'beat', 1)
end
"""


class Elsewhere(Unfit):
    """What Redis holds is not what it held."""

    def __init__(self) -> None:
        super().__init__(
            "it holds something else than before (emptied, swapped, restored, or given up"
            " by another process)"
        )


def new_epoch() -> str:
    """An epoch that nobody has seen."""
    return secrets.token_urlsafe(9)


@dataclass(frozen=True)
class Expected:
    """What the mark was, as far as is known; ``epoch`` is empty while Redis is not trusted."""

    epoch: str = ""
    beat: int = 0
    question: bytes = b""  # asks for the epoch


class Mark:
    """What this process last saw of it."""

    def __init__(self) -> None:
        self.now = Expected()

    def trust(self, epoch: str, beat: int) -> None:
        """From now on it must be so."""
        self.now = Expected(epoch, beat, bytes(pack_command(prefix.sent(("HGET", KEY, "epoch")))))

    def drop(self) -> None:
        """Nothing is trusted any more."""
        self.now = Expected()

    def look(self, ask: "Callable[[], Seen]") -> "Seen":
        """What a look finds, which raises the beat. Raises Elsewhere."""
        expected = self.now
        seen = ask()
        if expected.epoch and (seen.epoch != expected.epoch or seen.beat <= expected.beat):
            raise Elsewhere
        if seen.epoch == self.now.epoch:
            self.now = replace(self.now, beat=max(self.now.beat, seen.beat))
        return seen

    def greet(self, connection: Any) -> None:
        """What a new connection finds. Raises Elsewhere, and the connection is closed."""
        expected = self.now
        if not expected.epoch:
            return
        connection.send_command(*prefix.sent(("HMGET", KEY, "epoch", "beat")))
        epoch, beat = map(_text, connection.read_response())
        if epoch != expected.epoch or not beat.isdecimal() or int(beat) < expected.beat:
            connection.disconnect()
            raise Elsewhere


def heard(epoch: Any, wanted: str) -> None:
    """What was answered at the end of many answers. Raises Elsewhere."""
    if isinstance(epoch, Exception):
        raise epoch
    if epoch != wanted:
        raise Elsewhere


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
