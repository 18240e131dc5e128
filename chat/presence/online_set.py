"""`cache:users:online` (R3): the set of people online, derived from the leases.

The leases and the set live in two Cluster slots, so the set carries the number of the transition
that it shows. It follows by what changed since that number; only when it is missing, or the log of
transitions does not reach back to it, is it written whole. A newer picture is never replaced by an
older one, whichever process comes last.
"""

import logging
from collections.abc import Iterable, Set
from itertools import chain
from typing import Any, NamedTuple

from chat import rollout
from chat.cache import dependencies, read_through, shapes, wrong_type
from chat.cache.decoders import decoder
from chat.presence import leases
from chat.redis import DOWN, Down, scripts
from chat.redis.client import redis
from chat.redis_schema import keys

log = logging.getLogger(__name__)

KEYS = [keys.presence(part) for part in ("conns", "count", "seq", "log")]
_people = decoder("cache:users:online")


class Transition(NamedTuple):
    """Somebody came (+) or went (-)."""

    seq: int
    sign: str
    people: list[str]


class Picture(NamedTuple):
    """Who is online; `seq` is the number of the last transition that is certainly in it."""

    people: Set[str]
    seq: int
    from_set: bool = False  # not derived from the leases now


# KEYS: the set's number, the set. ARGV: the number of the set that the caller has.
READ = """
local seq=redis.call('GET',KEYS[1])
if not seq or seq==ARGV[1] then return {seq} end
return {seq,redis.call('SMEMBERS',KEYS[2])}
"""

# KEYS: count, seq. Who is online, and the number of the transition that made it so. What is no text
# is no number: the next transition replaces it.
WHO = """
local seq=redis.pcall('GET',KEYS[2])
return {type(seq)=='string' and seq or '0',redis.call('HKEYS',KEYS[1])}
"""

# KEYS: log, seq. ARGV: a number. The last number, and the transitions after that given.
NEWS = """
return {redis.call('GET',KEYS[2]) or '0',redis.call('ZRANGEBYSCORE',KEYS[1],'('..ARGV[1],'+inf')}
"""

_EACH = """
local function each(command,first,last)
  for i=first,last,1000 do
    redis.call(command,KEYS[1],unpack(ARGV,i,math.min(i+999,last)))
  end
end
"""

# KEYS: the set, its number. ARGV: number, ttl, people... Never replaces a newer picture.
FILL = (
    _EACH
    + """
local held=tonumber(redis.call('GET',KEYS[2]) or '')
if held and held>tonumber(ARGV[1]) then return 0 end
redis.call('DEL',KEYS[1])
each('SADD',3,#ARGV)
redis.call('EXPIRE',KEYS[1],ARGV[2])
redis.call('SET',KEYS[2],ARGV[1],'EX',ARGV[2])
return 1
"""
)

# KEYS: the set, its number. ARGV: from, to, ttl, how many came, who came..., who went...
# What changed from one number to another fits any picture in between. 0: there is none that fits.
SHIFT = (
    _EACH
    + """
local held=tonumber(redis.call('GET',KEYS[2]) or '') or -1
if held<tonumber(ARGV[1]) then return 0 end
if held<tonumber(ARGV[2]) then
  each('SADD',5,4+ARGV[4])
  each('SREM',5+ARGV[4],#ARGV)
  redis.call('SET',KEYS[2],ARGV[2])
end
redis.call('EXPIRE',KEYS[1],ARGV[3])
redis.call('EXPIRE',KEYS[2],ARGV[3])
return 1
"""
)

# KEYS: the set, its number. How many people the set holds.
SIZE = "return redis.call('SCARD',KEYS[1])"

for _script in (READ, FILL, SHIFT, SIZE):
    wrong_type.run_again(_script, together=2)
wrong_type.run_again(NEWS, together=0)


def call(known: Picture | None = None) -> scripts.Call:
    """The script call that reads the set, or only its number where that is the known one."""
    return READ, [keys.online_seq(), keys.online()], [known.seq if known else ""]


def picture_of(answer: list[Any], known: Picture | None = None) -> Picture | Down:
    """What the call answered; DOWN if Redis holds no set that can be read. A number tells "nobody"
    from "none"."""
    if answer[0] is None:
        return DOWN
    if len(answer) == 1 and known is not None:
        return known
    try:
        return Picture(_people(answer[1], keys.online()), shapes.change(answer[0]), from_set=True)
    except shapes.UNREADABLE:
        read_through.unreadable(keys.online())
        _forget_set()
        return DOWN


def read(known: Picture | None = None) -> Picture | Down:
    """The set as Redis holds it; DOWN if it holds none."""
    answer = redis.run(*call(known), "online")
    return DOWN if isinstance(answer, Down) else picture_of(answer, known)


def who() -> Picture | Down:
    """Who holds a lease, past the set."""
    answer = redis.run(WHO, [keys.presence("count"), keys.presence("seq")], [], "online")
    if answer is DOWN:
        return DOWN
    seq, people = _last(answer[0]), set(answer[1])
    try:
        shapes.check_ids(people)
    except shapes.UNREADABLE:
        redis.distrust("somebody who holds a lease is nobody")  # a recovery counts again
        return DOWN
    return DOWN if isinstance(seq, Down) else Picture(people, seq)


def _last(text: str) -> int | Down:
    """The number of the last change; DOWN if it is none: then numbers begin anew."""
    try:
        return shapes.change(text)
    except shapes.UNREADABLE:
        _delete(keys.presence("seq"))
        return DOWN


def _delete(key: str) -> None:
    log.error("unreadable in Redis, deleted: %s", key)
    redis.call(lambda client: client.unlink(key), key)


def count(seconds: int) -> Any:
    """Count leases if nobody has in so many seconds (``leases.RECOUNT``)."""
    return redis.run(leases.RECOUNT, [*KEYS, keys.presence("recounted")], [seconds], "presence")


def count_again() -> bool:
    """Now, whoever did it last. False if Redis is away."""
    redis.call(lambda client: client.unlink(keys.presence("recounted")), "presence")
    return count(1) is not DOWN


def fill(ttl: int) -> Picture | Down:
    """Write the set whole, and return it."""
    found = who()
    if not isinstance(found, Down):
        args = [found.seq, ttl, *found.people]
        redis.run(FILL, [keys.online(), keys.online_seq()], args, "online", spare=True)
    return found


def follow(ttl: int) -> int | Down:
    """Bring the set up to the last transition and prolong it; that number, or DOWN.

    Costs what has changed, however many are online. Where nobody uses the set it is left alone.
    """
    if not rollout.writes("online"):
        last = redis.run(dependencies.VERSION, [keys.presence("seq")], [], "presence")
        return last if isinstance(last, Down) else _last(last or "0")
    stored = redis.run(dependencies.VERSION, [keys.online_seq()], [], "online")
    if isinstance(stored, Down):
        return DOWN
    if stored is None:
        return _refill(ttl)
    try:
        held = shapes.change(stored)
    except shapes.UNREADABLE:
        return _refill(ttl, forget=True)
    found = news(held)
    if isinstance(found, Down):
        return DOWN
    seq, since = found
    changed = net(since, held, seq)
    if changed is None:
        return _refill(ttl, forget=held > seq)
    came, went = changed
    args = [held, seq, ttl, len(came), *came, *went]
    done = redis.run(SHIFT, [keys.online(), keys.online_seq()], args, "online")
    return DOWN if done is DOWN else seq if done else _refill(ttl)


def _refill(ttl: int, forget: bool = False) -> int | Down:
    # Numbers that were lost with the leases: what the set shows is from before that.
    filled = rewrite(ttl) if forget else fill(ttl)
    return DOWN if isinstance(filled, Down) else filled.seq


def rewrite(ttl: int) -> Picture | Down:
    """Write the set anew whatever it holds."""
    _forget_set()
    return fill(ttl)


def _forget_set() -> None:
    redis.call(lambda client: client.delete(keys.online_seq(), keys.online()), "online")


def size() -> int | Down:
    """How many people the set holds."""
    found = redis.run(SIZE, [keys.online(), keys.online_seq()], [], "online")
    return found if isinstance(found, Down) else int(found)


def news(since: int) -> tuple[int, list[Transition]] | Down:
    """(the last number, the remembered transitions after `since`); none of a log with others'."""
    answer = redis.run(NEWS, [keys.presence("log"), keys.presence("seq")], [since], "presence")
    if answer is DOWN:
        return DOWN
    seq = _last(answer[0])
    if isinstance(seq, Down):
        return DOWN
    try:
        return seq, [_parse(entry) for entry in answer[1]]
    except shapes.UNREADABLE:
        _delete(keys.presence("log"))
        return seq, []


def net(told: Iterable[Transition], since: int, seq: int) -> tuple[list[str], list[str]] | None:
    """(who came, who went) from one number to another; None if not all of it is remembered."""
    between = [transition for transition in told if since < transition.seq <= seq]
    if len(between) != seq - since:
        return None
    last = dict(chain.from_iterable(((who, t.sign) for who in t.people) for t in between))
    came = sorted(who for who, sign in last.items() if sign == "+")
    return came, sorted(who for who, sign in last.items() if sign == "-")


def _parse(entry: str) -> Transition:
    sign = "+" if "+" in entry else "-"
    seq, _, names = entry.partition(sign)
    people = names.split(" ")
    shapes.check_ids(people)
    return Transition(shapes.number(seq), sign, people)
