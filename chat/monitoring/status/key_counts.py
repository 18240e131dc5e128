"""How many keys each part has in Redis: counted if there are few, else estimated from a sample.

KEYS would block the server, and a full SCAN of many keys takes long. So at most STEPS steps of SCAN
are made, over all nodes of a Cluster together. SCAN goes by the hash of the keys, so its first keys
are a fair sample. DBSIZE is the number of all keys. Parts at 0 % have no keys.
"""

from typing import Any

from redis.exceptions import ResponseError

from chat import rollout
from chat.redis import prefix
from chat.redis_schema import ownership
from chat.redis_schema.keys import STRUCTURES
from chat.rollout import FEATURES, feature_of

STEPS, AT_ONCE = 10, 500
_SINGLE = {s.name: s.rollout for s in STRUCTURES if "*" not in s.name}
_FAMILIES = {s.rollout for s in STRUCTURES if "*" in s.name}


def take(client: Any) -> dict[str, dict[str, Any]]:
    """For each part ``keys``, and ``about`` if it is an estimate; empty without permission."""
    try:
        return _take(client)
    except ResponseError:  # no permission to ask: that is not an outage
        return {}


def _take(client: Any) -> dict[str, dict[str, Any]]:
    nodes = _nodes(client)
    keys, about = dict.fromkeys(FEATURES, 0.0), False
    for name, feature in _SINGLE.items():
        if rollout.writes(feature):
            keys[feature] += client.exists(name)
    for node in nodes:
        met, whole = _sample(node, max(1, STEPS // len(nodes)))
        weight = 1.0 if whole else max(1.0, node.dbsize() / max(1, len(met)))
        for feature in filter(None, map(feature_of, _of_ours(met) - _SINGLE.keys())):
            keys[feature] += weight
        about = about or not whole
    guessed = _FAMILIES if about else set()
    return {
        feature: {"keys": _rounded(number, feature in guessed), "about": feature in guessed}
        for feature, number in keys.items()
    }


def _nodes(client: Any) -> list[Any]:
    if not hasattr(client, "get_primaries"):
        return [client]
    return [client.get_redis_connection(node) for node in client.get_primaries()]


def _sample(node: Any, steps: int) -> tuple[set[str], bool]:
    """(some keys, whether these are all)."""
    keys: set[str] = set()
    cursor: Any = 0
    for _ in range(steps):
        cursor, some = node.execute_command("SCAN", cursor, "COUNT", AT_ONCE)  # of all programs
        keys.update(key.decode() if isinstance(key, bytes) else key for key in some)
        if not int(cursor):
            return keys, True
    return keys, False


def _of_ours(met: set[str]) -> set[str]:
    """Our keys among them, without REDIS_PREFIX."""
    mine = (prefix.bare(name) for name in met if name.startswith(prefix.prefix()))
    return set(ownership.have_our_shape(mine))


def _rounded(keys: float, about: bool) -> int:
    """The number; an estimate is rounded to two digits."""
    whole = round(keys)
    return round(whole, min(0, 2 - len(str(whole)))) if about else whole
