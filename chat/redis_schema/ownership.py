"""Which keys in Redis are ours by their whole name: another program's may begin as ours do.

Only these are ever deleted. ``cache:theirs`` and ``session:abc`` are nobody of ours, because the
ids of this program have one shape each. Other programs make session ids of the same shape, so of
those MongoDB has to say that it knows them (``confirm``).
"""

import re
from collections.abc import Callable, Iterable

from chat.redis_schema import keys

_ID = "[0-9a-f]{24}"
_TAG = r"\{(?:%s)\}"
_WORD = r"[\w-]+"
_SHAPES = {"session:*": r"session:[\w-]{43}", "limit:*": r"limit:LIMITER/LIMIT_[A-Z_]+/.*"}


def _shape(name: str) -> str:
    return _SHAPES.get(name) or re.escape(name).replace(r"\*", _ID)


def _any(names: Iterable[str]) -> str:
    return "|".join(map(_shape, names))


_CACHES = _any(s.name for s in keys.STRUCTURES if s.name.startswith("cache:"))
_SHAPES |= {
    "v:{*}": "v:" + _TAG % _CACHES,
    "w:{*}": "w:" + _TAG % _CACHES,
    "ended:{session:*}": "ended:" + _TAG % _SHAPES["session:*"],
    "f:{cache:users:list}:*": r"f:\{cache:users:list\}:" + _WORD,
}
_OURS = {
    name: re.compile(_shape(name), re.ASCII | re.DOTALL)
    for name in (*(s.name for s in keys.STRUCTURES), *keys.HELPERS)
}
_TYPES = {s.name: s.type for s in keys.STRUCTURES} | {
    name: kind for name, (kind, _) in keys.HELPERS.items()
}
_ANY = re.compile("|".join(one.pattern for one in _OURS.values()), re.ASCII | re.DOTALL)
_CACHED = re.compile("|".join((_CACHES, _SHAPES["v:{*}"])), re.ASCII)


_confirmed: dict[str, Callable[[list[str]], list[str]]] = {}


def confirm(declared: str, fn: Callable[[list[str]], list[str]]) -> None:
    """``fn(names)`` says which of these are ours where their shape does not prove it."""
    _confirmed[declared] = fn


def of(declared: str, names: list[str]) -> list[str]:
    """Those keys that are ours, of one declared family (``chat.redis_schema.keys``)."""
    own = [name for name in names if _OURS[declared].fullmatch(name)]
    return _confirmed[declared](own) if own and declared in _confirmed else own


def type_of(name: str) -> str:
    """The type that a key of ours was declared with; nothing for a name that is not ours."""
    return next((kind for one, kind in _TYPES.items() if _OURS[one].fullmatch(name)), "")


def have_our_shape(names: Iterable[str]) -> list[str]:
    """Those keys that are named as ours are, of whatever family."""
    return [name for name in names if _ANY.fullmatch(name)]


def is_cached(name: str) -> bool:
    """Whether a key is a cached value or the token of one: what a recovery takes out."""
    return bool(_CACHED.fullmatch(name))
