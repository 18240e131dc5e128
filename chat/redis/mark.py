"""Our mark in the database: it tells whether this is still the same database in the same state.

``chat:mark`` holds a random ``epoch``, made at the first use of a database without a mark, and a
``beat``, which every health check of every process raises. FLUSHALL deletes the epoch. Another
database has another epoch (after SWAPDB with open connections, or on a replica of something else).
An older state has a lower beat (a restored snapshot). In all these cases the contents are not
trusted (``chat.redis.recovery``).

Every pipeline of cache reads ends with a question for the epoch. All answers before it came from
the same database. So the check costs no round trip, and no answer of another database is used. In
a Cluster there is no SWAPDB, and the mark lives on one node: there only health checks compare it.

A process that stops using Redis while others still use it deletes the epoch (``REVOKE``). The
others see that in their next round trip and stop trusting the contents
(``chat.redis.revocation``). The beat stays: it shows that the mark was ours.

An answer is compared with the mark that was expected when the question was sent. A busy process
may read the answer late, and a health check of the same process may have raised the beat by then.
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

# KEYS: the mark. ARGV: an epoch to write if there is none, or ""; "1" to raise the beat. A value of
# another type is deleted. If there is no epoch, ``beat`` is 1 if there was one before, else 0.
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
    """Redis holds another database, or another state, than before."""

    def __init__(self) -> None:
        super().__init__(
            "it holds something else than before (emptied, swapped, restored, or given up"
            " by another process)"
        )


def new_epoch() -> str:
    """A new random epoch."""
    return secrets.token_urlsafe(9)


@dataclass(frozen=True)
class Expected:
    """The mark as it must be; ``epoch`` is empty while Redis is not trusted."""

    epoch: str = ""
    beat: int = 0
    question: bytes = b""  # the packed command that reads the epoch


class Mark:
    """The mark as this process last saw it."""

    def __init__(self) -> None:
        self.now = Expected()

    def trust(self, epoch: str, beat: int) -> None:
        """Expect this mark from now on."""
        self.now = Expected(epoch, beat, bytes(pack_command(prefix.sent(("HGET", KEY, "epoch")))))

    def drop(self) -> None:
        """Expect no mark: the contents are not trusted."""
        self.now = Expected()

    def look(self, ask: "Callable[[], Seen]") -> "Seen":
        """Run the health check ``ask``, which raises the beat, and compare. Raises Elsewhere."""
        expected = self.now
        seen = ask()
        if expected.epoch and (seen.epoch != expected.epoch or seen.beat <= expected.beat):
            raise Elsewhere
        if seen.epoch == self.now.epoch:
            self.now = replace(self.now, beat=max(self.now.beat, seen.beat))
        return seen

    def greet(self, connection: Any) -> None:
        """Check the mark on a new connection. On a mismatch closes it and raises Elsewhere."""
        expected = self.now
        if not expected.epoch:
            return
        connection.send_command(*prefix.sent(("HMGET", KEY, "epoch", "beat")))
        epoch, beat = map(_text, connection.read_response())
        if epoch != expected.epoch or not beat.isdecimal() or int(beat) < expected.beat:
            connection.disconnect()
            raise Elsewhere


def heard(epoch: Any, wanted: str) -> None:
    """Check the last answer of a pipeline, the epoch. Raises Elsewhere on a mismatch."""
    if isinstance(epoch, Exception):
        raise epoch
    if epoch != wanted:
        raise Elsewhere


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
