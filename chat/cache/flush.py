"""Emptying one structure (R19), as a step of a change from or to 0 %."""

from functools import partial
from typing import Any

from chat.redis import Down, recovery
from chat.redis.client import redis
from chat.redis_schema import ownership
from chat.redis_schema.keys import HELPERS, STRUCTURES

MARKS = ("ended:{session:*}",)  # keep what ended from coming back; they end by themselves


def is_impossible() -> bool:
    """Redis is away or switched off."""
    return not redis.is_up()


def empty(feature: str) -> int | Down:
    """Delete everything that a feature keeps in Redis; how many keys went, or DOWN.

    Tokens go before their data: without its token no late fill succeeds. Writes under way (``w:``)
    stay: they protect a write, and end by themselves.
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
