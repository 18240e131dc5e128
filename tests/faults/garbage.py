"""Values that other programs may leave in Redis: bytes and JSON of every type."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from chat.redis_schema.keys import HELPERS, STRUCTURES

# What once broke something, and what stands close to what we write.
KNOWN = (
    b"", b"-1", b"0", b"1", b"1e309", b"[]", b"{}", b'"x"', b"null", b"true", b"nan", b"inf", b"|",
    b"abc|", b"|def", b"+", b"5+abc", b"5 abc 0", b'{"seq":0}', b'{"id":null}', b"\xff\xfe",
    b"9" * 5000, b"[" * 20_000, b"1_000", b" 7 ", b"+3",
)  # fmt: skip
SCORES = (float("inf"), float("-inf"), 1e16, -1.0, 0.0, 1.5, 2.0**63, 1e308)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
elements = st.sampled_from(KNOWN) | _json | st.binary(max_size=12)
scores = st.sampled_from(SCORES) | st.floats(allow_nan=False)
_pairs = st.dictionaries(elements, elements, min_size=1, max_size=3)
CONTENTS: dict[str, st.SearchStrategy[Any]] = {
    "string": elements,
    "list": st.lists(elements, min_size=1, max_size=3),
    "set": st.lists(elements, min_size=1, max_size=3),
    "hash": _pairs,
    "zset": st.dictionaries(elements, scores, min_size=1, max_size=3),
    "stream": _pairs,
}


@dataclass(frozen=True)
class Garbage:
    """What is put under a key: instead of what was there, or beside it where the type is right."""

    kind: str
    content: Any
    instead: bool = True
    ends: bool = False  # as what we write does

    def plant(self, client: Any, key: str) -> None:
        fits = client.type(key) in (self.kind, "none")
        if self.instead or not fits:
            client.delete(key)
        _PLANT[self.kind](client, key, self.content)
        if self.ends and client.ttl(key) < 0:
            client.expire(key, 60)


_PLANT: dict[str, Callable[[Any, str, Any], Any]] = {
    "string": lambda client, key, content: client.set(key, content),
    "list": lambda client, key, content: client.rpush(key, *content),
    "set": lambda client, key, content: client.sadd(key, *content),
    "hash": lambda client, key, content: client.hset(key, mapping=content),
    "zset": lambda client, key, content: client.zadd(key, content),
    "stream": lambda client, key, content: client.xadd(key, content),
}


def garbage_for(declared: str, of_any_type: bool) -> st.SearchStrategy[Garbage]:
    """For a key of this type: of the right one, so that somebody looks into it, or of any."""
    kinds = st.sampled_from([declared] * 6 + list(CONTENTS) * of_any_type)
    return kinds.flatmap(
        lambda kind: st.builds(Garbage, st.just(kind), CONTENTS[kind], st.booleans(), st.booleans())
    )


def everywhere(
    declared: dict[str, str], of_any_type: bool = False
) -> st.SearchStrategy[dict[str, Garbage]]:
    """Some for each of these declared keys, or for some of them."""
    return st.fixed_dictionaries(
        {}, optional={name: garbage_for(kind, of_any_type) for name, kind in declared.items()}
    )


# -- the same without a search for the smallest, while people are at work

DECLARED = {s.name: s.type for s in STRUCTURES} | {n: kind for n, (kind, _) in HELPERS.items()}
SHARE = 0.3  # of the keys, each time


def keys_of(client: Any, pattern: str) -> list[str]:
    """The keys of a family, there already or to be."""
    if pattern.startswith(("v:", "w:")) and pattern.endswith("{*}"):
        data = [key for s in STRUCTURES for key in client.keys(s.name)]
        return [f"{pattern[0]}:{{{key}}}" for key in data if not key.startswith("session:")]
    if pattern == "ended:{session:*}":
        return [f"ended:{{{key}}}" for key in client.keys("session:*")]
    found = [str(key) for key in client.keys(pattern)]
    return found or [pattern.replace("*", "somebody")]


def leave_garbage(client: Any, chance: Random, of_any_type: bool = False) -> None:
    """In some of all keys; where it is of any type, in all of them."""
    for pattern, declared in DECLARED.items():
        for key in keys_of(client, pattern):
            if of_any_type or chance.random() < SHARE:
                kind = chance.choice(list(CONTENTS)) if of_any_type else declared
                some_garbage(kind, chance).plant(client, key)


def some_garbage(kind: str, chance: Random) -> Garbage:
    texts = chance.sample(KNOWN, 2)
    content: Any = texts
    if kind == "string":
        content = texts[0]
    elif kind == "zset":
        content = {text: chance.choice(SCORES) for text in texts}
    elif kind in ("hash", "stream"):
        content = dict.fromkeys(texts, chance.choice(KNOWN))
    return Garbage(kind, content, instead=chance.random() < 0.5, ends=chance.random() < 0.5)
