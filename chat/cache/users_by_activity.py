"""Fills ``cache:users:list`` (R2), and keeps it in the order of activity.

With 100,000 people a fill takes one or two seconds, so no request waits for it: until then pages
come from an index of MongoDB. The list is built in pieces under a temporary name. At the end it is
renamed, but only if no person was saved meanwhile (the fence).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import gevent
from flask import current_app

from chat import rollout
from chat.cache import fence, read_through, response_dependencies, shapes, wrong_type
from chat.cache.fence import reads as fence_reads
from chat.cache.read_through import Shape, Source
from chat.models import User, base
from chat.redis import DOWN, Down, scripts
from chat.redis.client import redis
from chat.redis_schema import keys

AT_ONCE = 2_000  # up to so many people the request that misses the list fills it itself
PIECE = 1_000
PIECE_SECONDS = 60  # lifetime of the temporary list, so that an abandoned fill disappears

# KEYS: the list, its token, the pieces. ARGV: token, new token, token seconds, lifetime.
TAKE_NAME = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then redis.call('DEL', KEYS[3]) return 0 end
redis.call('RENAME', KEYS[3], KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# KEYS: the list, its order's version. ARGV: new version, its seconds, then score, id, ...
# XX: only updates people in the list, so that an expired list is not created again.
MOVE_UP = """
redis.call('ZADD', KEYS[1], 'XX', 'GT', unpack(ARGV, 3))
return redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
"""

# KEYS: the pieces. ARGV: seconds, then score, id, ...
ADD = """
redis.call('ZADD', KEYS[1], unpack(ARGV, 2))
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


def _items(value: Any, key: str) -> tuple:
    return ()  # it fills itself


def _is_there(found: int, key: str) -> bool:
    return bool(found)


THERE = Shape("users", "TTL_USERS", ("EXISTS",), "", _items, _is_there, refill=lambda t: fill(t))

# KEYS: the order's version. ARGV: a version, its seconds. Sets the version if there is none.
FIRST_ORDER = "return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX')"

# KEYS: the list. ARGV: ids.
SCORES = "return redis.call('ZMSCORE', KEYS[1], unpack(ARGV))"

for _script in (TAKE_NAME, MOVE_UP, SCORES):
    wrong_type.run_again(_script)

_busy = False


def source() -> Source:
    """Whether the list exists. Its version changes with every save of a person."""
    return Source(keys.users_list(), THERE, lambda: None)


def keep_filled(found: fence_reads.Reading) -> None:
    """After a read of the list: fill it if it is missing or about to expire."""
    if found.token:
        fill(found.token)
    elif found.version and 0 <= found.left_ms < read_through.EARLY * 1000 * read_through.ttl(
        "TTL_USERS"
    ):
        _in_background(found.version)


def fill(token: str) -> None:
    """Fill the list: immediately up to AT_ONCE people, else in the background."""
    if User.about_how_many() <= AT_ONCE:
        _fill(token)
    else:
        _in_background(token)


def store_activity(moments: dict[str, datetime]) -> None:
    """Move people up in the list after their activity was stored, without emptying it (R26)."""
    if not moments or not rollout.writes("users"):
        return
    for piece in _pieces(moments.items()):
        args = [fence.new_token(), fence.TOKEN_SECONDS, *piece]
        redis.run(MOVE_UP, [keys.users_list(), keys.order()], args, "user list")


def order() -> str | None:
    """A version that changes whenever a person moves up in the list; None if Redis is down."""
    found = redis.run(response_dependencies.VERSION, [keys.order()], [], "user list")
    return None if isinstance(found, Down) else found


def stored_activity(ids: list[str]) -> dict[str, int]:
    """The last activity in ms of these people by id, from the list. Does not fill the list."""
    if not rollout.writes("users"):
        return {}
    parts = [ids[at : at + PIECE] for at in range(0, len(ids), PIECE)]
    calls = [(SCORES, [keys.users_list()], part) for part in parts]
    found = redis.call(lambda client: scripts.run_all(client, calls), what=keys.users_list())
    if isinstance(found, Down):
        return {}
    try:
        return scores(ids, [score for part in found for score in part])
    except shapes.UNREADABLE:
        read_through.unreadable(keys.users_list())
        return {}


def scores(ids: list[str], found: Sequence[Any]) -> dict[str, int]:
    """The last activity in ms by id, from the scores that Redis sent; ids without one left out."""
    pairs = zip(ids, found, strict=True)
    return {uid: shapes.millis(score) for uid, score in pairs if score is not None}


def millis(moment: datetime) -> int:
    """Milliseconds since 1970, the score of the list."""
    return round(moment.timestamp() * 1000)


def _in_background(token: str) -> None:
    global _busy
    if not _busy:
        _busy = True
        gevent.spawn(_run, current_app._get_current_object(), token)  # type: ignore[attr-defined]


def _run(app: Any, token: str) -> None:
    global _busy
    try:
        with app.app_context():
            _fill(token)
    finally:
        _busy = False


def _fill(token: str) -> None:
    began = base.now()
    pieces = f"f:{{{keys.users_list()}}}:{token}"
    for piece in _pieces(User.activity()):
        told = redis.run(ADD, [pieces], [PIECE_SECONDS, *piece], "user list", spare=True)
        if told is DOWN:
            return
    life = read_through.jittered(read_through.ttl("TTL_USERS"))
    names = [*fence.companions(keys.users_list())[:2], pieces]
    args = [token, fence.new_token(), fence.TOKEN_SECONDS, life]
    if redis.run(TAKE_NAME, names, args, "user list") == 1:
        # People who were active during the fill were moved up in the old list only.
        store_activity(dict(User.activity(since=began)))
        redis.run(FIRST_ORDER, [keys.order()], [fence.new_token(), fence.TOKEN_SECONDS], "order")


def _pieces(activity: Iterable[tuple[str, datetime]]) -> Iterator[list[Any]]:
    """Scores and ids, PIECE people at a time; the marker for "empty" if there are none."""
    people, found = iter(activity), False
    while piece := list(islice(people, PIECE)):
        found = True
        yield [x for uid, moment in piece for x in (millis(moment), uid)]
    if not found:
        yield [0, shapes.nothing(keys.users_list())]
