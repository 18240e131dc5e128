"""Profiles, and the list of people in the order of their last activity (R2, R9)."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from chat import rollout
from chat.cache import fence, keys, plain, through
from chat.extensions import redis
from chat.models import User, base
from chat.models.user import to_profile

PROFILE = plain.json_string("users", "TTL_USERS")


def get_profile(user_id: str) -> dict | None:
    """One person, or None if there is no such person (which is cached too)."""
    if base.object_id(user_id) is None:
        return None
    return through.get(
        keys.profile(user_id), PROFILE, lambda: User.profiles([user_id]).get(user_id)
    )


def get_profiles(ids: Iterable[str]) -> dict[str, dict]:
    """Profiles by id; the unknown are left out. One MGET-like round trip when warm."""
    wanted = [uid for uid in dict.fromkeys(ids) if base.object_id(uid)]
    if not wanted:
        return {}
    if not redis.enabled or not rollout.for_reader("users"):
        through.note("bypass")
        return User.profiles(wanted)
    readings = fence.get_many([keys.profile(uid) for uid in wanted])
    found = {uid: json.loads(r.value) for uid, r in zip(wanted, readings, strict=True) if r.hit}
    cold = [(uid, r) for uid, r in zip(wanted, readings, strict=True) if not r.hit]
    through.note("down" if any(r.down for r in readings) else "miss" if cold else "hit")
    if cold:
        found |= _fill_profiles([uid for uid, _ in cold], [r for _, r in cold])
    return {uid: found[uid] for uid in wanted if found.get(uid)}


def _fill_profiles(ids: list[str], readings: list[fence.Reading]) -> dict[str, Any]:
    """Load many with one query; the tokens were taken before MongoDB is asked."""
    loaded = User.profiles(ids)
    fills = [
        (keys.profile(uid), reading.token, [plain.dump(loaded.get(uid))])
        for uid, reading in zip(ids, readings, strict=True)
        if reading.token
    ]
    fence.fill_many(fills, through.ttl("TTL_USERS"), "SET")
    return loaded


def list_recent(limit: int, cursor: tuple[int, str] | None) -> list[tuple[str, int]]:
    """A page of (id, last_active in ms), most recently active first; ties by id, descending.

    ``cursor`` is the last entry of the page before. Costs what the page costs.
    """
    if not redis.enabled or not rollout.for_reader("users"):
        through.note("bypass")
        return _from_mongo(limit, cursor)
    page = _from_redis(limit, cursor)
    return _from_mongo(limit, cursor) if page is None else page


def _from_redis(limit: int, cursor: tuple[int, str] | None) -> list[tuple[str, int]] | None:
    """A page of the sorted set, or None (it has then been filled, if that was possible).

    People active in the same millisecond share a score, so a page after a cursor begins at the
    cursor's score and leaves out what was on the page before.
    """
    top = f"{cursor[0]}" if cursor else "+inf"
    command = ("ZREVRANGEBYSCORE", top, "-inf", "WITHSCORES", "LIMIT", 0, limit + 50)
    found = fence.read(keys.users_list(), *command)
    if not found.hit:
        through.note("down" if found.down else "miss")
        if found.token:
            _fill_list(found.token)
        return None
    through.note("hit")
    pairs = [(uid, int(float(score))) for uid, score in _pairs(found.value)]
    after = [p for p in pairs if not cursor or (p[1], p[0]) < cursor]
    whole = len(pairs) < limit + 50 or len(after) >= limit
    return after[:limit] if whole else None


def _fill_list(token: str) -> None:
    people = [x for uid, moment in User.activity() for x in (millis(moment), uid)]
    fence.fill(keys.users_list(), token, through.ttl("TTL_USERS"), "ZADD", people or [0, ""])


def _from_mongo(limit: int, cursor: tuple[int, str] | None) -> list[tuple[str, int]]:
    before = None
    if cursor:
        before = (datetime.fromtimestamp(cursor[0] / 1000, UTC), base.object_id(cursor[1]))
    rows = User.recent(limit, before)  # type: ignore[arg-type]
    return [(str(row["_id"]), millis(row["last_active"])) for row in rows]


def last_active(ids: list[str]) -> dict[str, int]:
    """When each of these people was last active, in ms."""
    if ids and redis.enabled and rollout.for_reader("users"):
        found = fence.read(keys.users_list(), "ZMSCORE", *ids)
        if found.token:
            _fill_list(found.token)
        if found.hit:
            scores = zip(ids, found.value, strict=True)
            return {uid: int(float(s)) for uid, s in scores if s is not None}
    return {uid: millis(moment) for uid, moment in User.last_active_of(ids).items()}


def store_activity(moments: dict[str, datetime]) -> None:
    """Move people up in the list after their activity was written, without emptying it (R26)."""
    scores = {uid: millis(moment) for uid, moment in moments.items()}
    key = keys.users_list()
    # XX: only people that are in the list; a list that has expired stays expired.
    redis.call(lambda r: r.zadd(key, scores, xx=True, gt=True), what=key)


def profile_written(write: fence.Write, user_id: str) -> None:
    """Write a saved profile through (R10): it is read again, so no order of writers matters."""
    row = User.raw(user_id)
    fence.end(write, "SET", plain.dump(to_profile(row)), "KEEPTTL") if row else fence.end(write)


def millis(moment: datetime) -> int:
    """Milliseconds since 1970, the score of the list."""
    return round(moment.timestamp() * 1000)


def _pairs(flat: list[Any]) -> list[tuple[str, Any]]:
    """RESP2 answers a flat list, RESP3 a list of pairs."""
    if flat and isinstance(flat[0], list | tuple):
        return [(uid, score) for uid, score in flat if uid]
    return [(uid, score) for uid, score in zip(flat[::2], flat[1::2], strict=True) if uid]
