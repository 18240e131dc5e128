"""The right content of each structure in Redis, from MongoDB, and the decoded actual content."""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from chat.cache.decoders import decoder
from chat.models import Channel, EmojiUse, Membership, Message, Site, User
from chat.redis.client import redis
from chat.redis_schema import keys

READ = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "set": ("SMEMBERS",),
    "list": ("LRANGE", 0, -1),
    "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
}


def contents(key: str) -> Any:
    """What is in a key: text, dict, set, list, or dict of scores."""
    kind = redis.call(lambda r: r.type(key))
    if kind == "zset":
        return dict(redis.call(lambda r: r.zrange(key, 0, -1, withscores=True)))
    return redis.call(lambda r: r.execute_command(READ[kind][0], key, *READ[kind][1:]))


def beside_the_marker(key: str, held: Any) -> Any:
    """The same without what stands for "nothing"; None for a text that is only that."""
    marker = f"0 {key}"
    if isinstance(held, str):
        return None if held == marker else held
    if isinstance(held, dict):
        return {name: value for name, value in held.items() if name != marker}
    return type(held)(each for each in held if each != marker)


def everything() -> str:
    """All that is in Redis, as one text, to look for what must not be in it."""
    return "\n".join(f"{key} {contents(key)}" for key in names("*"))


def names(pattern: str) -> list[str]:
    return sorted(redis.call(lambda r: list(r.scan_iter(pattern, count=1000))))


def _direct(channel_id: str) -> Any:
    channel = Channel.find(channel_id)
    return channel if channel and channel["kind"] == "direct" else None


def _site(_: str) -> Any:
    row = Site.raw()
    return row and {"name": row["name"], "open_registration": row["open_registration"]}


def _json_by_id(flat: dict[str, str]) -> dict[str, Any]:
    return {cid: json.loads(text) for cid, text in flat.items()}


def _numbers(flat: dict[str, Any]) -> dict[str, int]:
    return {name: int(float(number)) for name, number in flat.items()}


def _people(_: str) -> dict[str, int]:
    return {uid: round(moment.timestamp() * 1000) for uid, moment in User.activity()}


def _lines(channel_id: str) -> list[str]:
    rows = Message.tail(channel_id, 200, ("seq", "author", "deleted", "thread"))
    return [
        f"{row['seq']} {row['author']} {row['deleted'] + 2 * ('thread' in row)}" for row in rows
    ]


def _messages(texts: list[str]) -> list[dict]:
    return [json.loads(text) for text in texts]


# name → (how the contents are decoded, what MongoDB says of the id in the name)
TRUTH: dict[str, tuple[Callable[[Any], Any], Callable[[str], Any]]] = {
    "cache:users:list": (_numbers, _people),
    "cache:users:profile:*": (json.loads, lambda uid: User.profiles([uid]).get(uid)),
    "cache:channels:list": (_json_by_id, lambda _: {c["id"]: c for c in Channel.named()}),
    "cache:channels:direct:*": (json.loads, _direct),
    "cache:channel:users:*": (set, Membership.user_ids),
    "cache:messages:recent:*": (_messages, lambda cid: Message.page(cid, None, None, 50)[0]),
    "cache:messages:tail:*": (list, _lines),
    "cache:users:marks:*": (_numbers, Membership.marks_of),
    "cache:emoji:classics": (_numbers, lambda _: EmojiUse.counts()),
    "cache:site": (json.loads, _site),
}

# Not made from documents: what they must hold is tested where they are written.
OTHERS = {"session:*", "cache:users:online"}


def wrong() -> dict[str, tuple[Any, Any]]:
    """Every cached structure that is not what MongoDB says: key → (cached, stored)."""
    found = {}
    for name, (decode, load) in TRUTH.items():
        for key in names(name):
            raw = contents(key)
            flat = [x for pair in raw.items() for x in pair] if isinstance(raw, dict) else raw
            decoder(name)(flat, key)  # what we write is what we read
            held = beside_the_marker(key, raw)
            cached = None if held is None else decode(held)
            stored = load(key.rpartition(":")[2])
            if cached != stored:
                found[key] = (cached, stored)
    return found


def unknown() -> set[str]:
    """Declared structures that nobody compares with MongoDB, and those that are not declared."""
    return {s.name for s in keys.STRUCTURES} ^ (TRUTH.keys() | OTHERS)


def structure_of(key: str) -> str:
    """The declared name of a key."""
    return next(s.name for s in keys.STRUCTURES if fnmatchcase(key, s.name))
