"""Cached profiles, and the list of people in the order of their last activity (R2, R9)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from chat.cache import codec, read_through, response_dependencies, users_by_activity
from chat.cache.decoders import decoder
from chat.cache.fence import reads as fence_reads
from chat.cache.fence import writes as fence_writes
from chat.cache.read_through import Source
from chat.cache.shapes import UNREADABLE
from chat.models import User, base
from chat.models.user import to_profile
from chat.redis_schema import keys
from chat.telemetry import events as telemetry

PROFILE = codec.json_string("cache:users:profile:*", "users", "TTL_USERS")
PAGE_MARGIN = 50  # how many people may be active in the same ms as the last one of a page


class Page(NamedTuple):
    """Part of the list: entries (id, last_active in ms) and a version.

    The version changes with every save of a person. It is None if the page is from MongoDB.
    """

    entries: list[tuple[str, int]]
    version: str | None
    profiles: dict[str, dict] | None = None  # by id, if MongoDB sent them with the page


def profile_source(user_id: str) -> Source:
    """One person's profile."""
    return Source(keys.profile(user_id), PROFILE, lambda: User.profiles([user_id]).get(user_id))


def get_profile(user_id: str) -> dict | None:
    """The profile of one person, or None if there is no such person (None is cached, too)."""
    if base.object_id(user_id) is None:
        return None
    return read_through.get(profile_source(user_id))  # type: ignore[no-any-return]


def get_profiles(ids: Iterable[str]) -> dict[str, dict]:
    """Profiles by id; unknown ids are left out. One round trip, like MGET, when warm."""
    wanted = [uid for uid in dict.fromkeys(ids) if base.object_id(uid)]
    if not wanted:
        return {}
    if not read_through.is_cached("users"):
        read_through.note("bypass")
        telemetry.cache(keys.profile(""), "bypass", len(wanted))
        return User.profiles(wanted)
    if response_dependencies.current():
        version()  # stands for the profiles, read without versions; so it must be read before them
    readings = fence_reads.get_many([keys.profile(uid) for uid in wanted])
    readings, found = _read(wanted, readings)
    cold = [(uid, r) for uid, r in zip(wanted, readings, strict=True) if not r.hit]
    read_through.note("down" if any(r.down for r in readings) else "miss" if cold else "hit")
    telemetry.cache_hits([keys.profile(uid) for uid in found])
    for _, reading in cold:
        telemetry.cache(keys.profile(""), "down" if reading.down else "miss")
    if cold:
        found |= _fill_profiles([uid for uid, _ in cold], [r for _, r in cold])
    return {uid: found[uid] for uid in wanted if found.get(uid)}


def _read(
    ids: list[str], readings: list[fence_reads.Reading]
) -> tuple[list[fence_reads.Reading], dict[str, Any]]:
    """The readings, and the decoded profiles by id. An unreadable value is deleted.

    Its reading becomes a miss without a token, so that this request does not fill it.
    """
    left, found = [], {}
    for uid, reading in zip(ids, readings, strict=True):
        if reading.hit:
            try:
                found[uid] = _decode(reading.value, keys.profile(uid))
            except UNREADABLE:
                read_through.unreadable(keys.profile(uid))
                reading = fence_reads.Reading(hit=False)
        left.append(reading)
    return left, found


_people = decoder("cache:users:list")
# Equal texts are decoded once; callers must not change the result.
_decode = lru_cache(maxsize=5_000)(decoder("cache:users:profile:*"))


def _fill_profiles(ids: list[str], readings: list[fence_reads.Reading]) -> dict[str, Any]:
    """Load many profiles with one query and store them. ``readings`` has tokens taken before it."""
    loaded = User.profiles(ids)
    fills = [
        (keys.profile(uid), reading.token, [codec.text(loaded.get(uid), keys.profile(uid))])
        for uid, reading in zip(ids, readings, strict=True)
        if reading.token
    ]
    fence_reads.fill_many(fills, read_through.ttl("TTL_USERS"), "SET")
    return loaded


def list_recent(limit: int, cursor: tuple[int, str] | None) -> Page:
    """A page of the active people, most recently active first; ties by id, descending.

    ``cursor`` is the last entry of the previous page. The cost depends on ``limit``, not on the
    number of people.
    """
    if not read_through.is_cached("users"):
        read_through.note("bypass")
        telemetry.cache(keys.users_list(), "bypass")
        return _from_mongo(limit, cursor)
    return _from_redis(limit, cursor) or _from_mongo(limit, cursor)


def _from_redis(limit: int, cursor: tuple[int, str] | None) -> Page | None:
    """A page of the sorted set. None if the set is missing; then a fill begins, if possible.

    People active in the same millisecond share a score. So a page after a cursor is read from the
    score of the cursor on, and entries of the previous page are removed.
    """
    top, most = f"{cursor[0]}" if cursor else "+inf", limit + (PAGE_MARGIN if cursor else 0)
    command = ("ZREVRANGEBYSCORE", top, "-inf", "WITHSCORES", "LIMIT", 0, most)
    order = users_by_activity.order()
    found = fence_reads.read(keys.users_list(), *command)
    users_by_activity.keep_filled(found)
    if not found.hit:
        read_through.note("down" if found.down else "miss")
        telemetry.cache(keys.users_list(), "down" if found.down else "miss")
        return None
    try:
        pairs = _people(found.value, keys.users_list())
    except UNREADABLE:
        read_through.unreadable(keys.users_list())
        return None
    read_through.note("hit")
    telemetry.cache_hits([keys.users_list()])
    response_dependencies.read(keys.users_list(), found.version)
    response_dependencies.read_plain(keys.order(), order)
    if cursor is None:
        return Page(pairs, found.version)
    after = [pair for pair in pairs if (pair[1], pair[0]) < cursor]
    # The answer counts only if it contains the cursor, or is long enough without it: otherwise the
    # list may have been cut or replaced by another program.
    joined = any(user_id == cursor[1] for user_id, _ in pairs)
    whole = joined if len(pairs) < most else len(after) >= limit
    return Page(after[:limit], found.version) if whole else None


def _from_mongo(limit: int, cursor: tuple[int, str] | None) -> Page:
    before = None
    if cursor:
        before = (datetime.fromtimestamp(cursor[0] / 1000, UTC), base.object_id(cursor[1]))
    rows = User.recent(limit, before)  # type: ignore[arg-type]
    entries = [(str(row["_id"]), users_by_activity.millis(row["last_active"])) for row in rows]
    return Page(entries, None, {str(row["_id"]): to_profile(row) for row in rows})


def last_active(ids: list[str]) -> dict[str, int]:
    """The last activity of these people by id, in ms since 1970."""
    known: dict[str, int] = {}
    if ids and read_through.is_cached("users"):
        response_dependencies.spoil()
        found = fence_reads.read(keys.users_list(), "ZMSCORE", *ids)
        users_by_activity.keep_filled(found)
        if found.hit:
            try:
                known = users_by_activity.scores(ids, found.value)
            except UNREADABLE:
                read_through.unreadable(keys.users_list())
    rest = [uid for uid in ids if uid not in known]
    stored = User.last_active_of(rest).items() if rest else ()
    return known | {uid: users_by_activity.millis(moment) for uid, moment in stored}


def version() -> str | None:
    """A version that changes with every save of a person; None if Redis does not know it."""
    return read_through.look(users_by_activity.source()).version


def written(
    write: fence_writes.Write, user_id: str, stored: dict | None
) -> tuple[fence_writes.Write, fence_writes.Ending]:
    """How to end the write of a profile: write it through (R10).

    ``stored`` is the row that MongoDB returned after the write; without it the row is read again.
    If two writes overlap, the fence deletes the value instead.
    """
    row = stored or User.raw(user_id)
    text = codec.text(to_profile(row), keys.profile(user_id)) if row else ""
    return write, fence_writes.apply("SET", text, "KEEPTTL") if row else fence_writes.drop()
