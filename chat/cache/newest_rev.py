"""The newest change number (rev) of a channel, told by the version token of its newest messages.

Whoever comes back with this number has missed nothing. So it must be known without MongoDB, also
where nobody has read the channel for hours and the cached messages have expired. Their token V
lives for a day, and every write to the channel replaces it. So V may carry the number:

    begin    a write that begins replaces V by its own token, which carries no number
    end      if no other write was in progress, the new V carries the number of this write
    learn    a reader who finds no number asks MongoDB for it, and adds it to V if V is still the
             token from before that query, and no write is in progress (``scripts.LEARN``)

A number that is found was therefore the newest one, and no write has begun since: any later change
was not acknowledged when the token was read. A refused write leaves V without a number.
"""

import re

from flask import g, has_request_context

from chat.cache import read_through
from chat.cache.fence import TOKEN_SECONDS, companions, new_token
from chat.cache.fence.reads import Rider
from chat.cache.fence.scripts import LEARN, TOKEN
from chat.models import Message
from chat.redis.client import redis
from chat.redis_schema import keys

TOLD = re.compile(r"[\w-]{12}r(\d{1,15})", re.ASCII)
Known = tuple[str, int]  # the token, and the number that it carries


def ahead(channel_id: str) -> list[Rider]:
    """What asks for the token in the round trip of another read; ``get`` finds the answer.

    Only for a caller to whom each later change is told already.
    """
    if not read_through.is_cached("messages"):
        return []
    rider = Rider(_call(channel_id))
    g.newest_rev = (channel_id, rider)
    return [rider]


def get(channel_id: str) -> Known | None:
    """The token and the newest rev; None if that is not known without asking MongoDB for more."""
    if not read_through.is_cached("messages"):
        return None
    token = _foreseen(channel_id) or redis.run(*_call(channel_id), "newest rev", spare=True)
    if not isinstance(token, str):
        return None
    if told := TOLD.fullmatch(token):
        return token, int(told[1])
    return _learn(channel_id, token)


def _learn(channel_id: str, token: str) -> Known | None:
    rev = Message.last_rev(channel_id)
    learnt = f"{token}r{rev}"
    if not TOLD.fullmatch(learnt):
        return None
    args = [token, learnt, TOKEN_SECONDS]
    stored = redis.run(LEARN, _companions(channel_id), args, "newest rev", spare=True)
    return (learnt, rev) if stored == 1 else None


def _foreseen(channel_id: str) -> str | None:
    where, rider = g.pop("newest_rev", ("", None)) if has_request_context() else ("", None)
    return rider.answer if rider and where == channel_id else None


def _call(channel_id: str) -> tuple[str, list[str], list[object]]:
    return TOKEN, _companions(channel_id), [new_token(), TOKEN_SECONDS]


def _companions(channel_id: str) -> list[str]:
    return companions(keys.recent_messages(channel_id))
