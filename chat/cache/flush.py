"""Empties the Redis structures of one feature (R19), a step of a rollout change from or to 0 %."""

from functools import partial
from typing import Any

from chat.redis import Down, recovery
from chat.redis.client import redis
from chat.redis_schema import ownership
from chat.redis_schema.keys import HELPERS, STRUCTURES

MARKS = ("ended:{session:*}",)  # they keep ended sessions from coming back; they expire


def is_impossible() -> bool:
    """Whether Redis is down or switched off."""
    return not redis.is_up()


def empty(feature: str) -> int | Down:
    """Delete all keys of a feature in Redis; the number of keys, or DOWN.

    Tokens are deleted before their data: without its token no late fill succeeds. Announced writes
    (``w:``) stay: they protect a write, and expire.
    """
    names = [s.name for s in STRUCTURES if s.rollout == feature]
    tokens = [f"v:{{{name}}}" for name in names]
    others = [helper for helper in HELPERS if any(f":{{{name}}}" in helper for name in names)]
    everything = dict.fromkeys((*tokens, *(o for o in others if o not in MARKS), *names))

    def go(client: Any) -> int:
        single = [name for name in everything if "*" not in name]
        gone = sum(client.unlink(name) for name in single)  # each in its own Cluster slot
        for name in (name for name in everything if "*" in name):
            declared = "v:{*}" if name in tokens else name
            gone += recovery.take_out(client, name, partial(ownership.of, declared))
        return int(gone)

    return redis.call(go, f"emptying {feature}")
