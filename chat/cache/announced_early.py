"""Announces a post in the round trip of its checks, so that it costs one round trip less.

A write may be announced any time before it (``chat.cache.fence``): the old values are served a
moment longer. So where the copies of this process say that the checks will pass, the announcement
goes along with the question whether they are right. If they were not, or the post is refused for
another reason, the announcement is taken back at the end of the request: nothing has changed.

One post at a time is announced like that in each channel. Posts that come while another one is
being stored share the announcement of their batch (``chat.models.message_insert``).
"""

from collections.abc import Sequence

from flask import Flask, g, has_request_context

from chat.cache.fence import writes as fence_writes
from chat.cache.fence.reads import Rider
from chat.cache.fence.writes import Announcement, Write
from chat.cache.invalidation import keys_of_a_post
from chat.cache.process_copies import copies
from chat.models import base
from chat.models.message import is_being_written
from chat.redis.client import redis
from chat.redis_schema import keys

_under_way: set[str] = set()  # the channels with such an announcement in this process


class _Post:
    """An announcement for one post, whose calls ride on a read."""

    def __init__(self, channel_id: str) -> None:
        self.channel_id = channel_id
        self.announcement = Announcement(keys_of_a_post(channel_id))
        self.riders = [Rider(call) for call in self.announcement.calls]

    def writes(self) -> list[Write]:
        """The announced writes; none if Redis was not asked."""
        if not self.riders or any(rider.answer is None for rider in self.riders):
            return []
        return self.announcement.begun()


def init_app(app: Flask) -> None:
    """Take back at the end of each request or event what was announced and not written."""
    app.teardown_request(take_back)


def ahead(channel_id: str, user_id: str) -> Sequence[Rider]:
    """Announces that this person posts to this channel, in the round trip of another read."""
    if not redis.is_up() or not _will_pass(channel_id, user_id):
        return ()
    _under_way.add(channel_id)
    g.announced_early = _Post(channel_id)
    return g.announced_early.riders  # type: ignore[no-any-return]


def take(channel_id: str) -> list[Write]:
    """The announced writes of a post to this channel, which the caller will end; [] if none."""
    early: _Post | None = g.get("announced_early") if has_request_context() else None
    if early is None or early.channel_id != channel_id:
        return []
    _forget(early)
    return early.writes()


def take_back(_: BaseException | None = None) -> None:
    """End what was announced in this request and not taken; for `teardown_request`."""
    early: _Post | None = g.get("announced_early")
    if early is not None:
        _forget(early)
        fence_writes.release_all(early.writes())


def _forget(early: _Post) -> None:
    g.pop("announced_early", None)
    _under_way.discard(early.channel_id)


def _will_pass(channel_id: str, user_id: str) -> bool:
    """Whether the copies of this process say so. They may be stale."""
    oid = base.object_id(channel_id)
    if oid is None or channel_id in _under_way or is_being_written(oid):
        return False
    named, direct = copies.get(keys.channels_list()), copies.get(keys.direct(channel_id))
    channel = (named and named.value.get(channel_id)) or (direct and direct.value)
    inside = copies.get(keys.channel_users(channel_id))
    return bool(channel and not channel["archived"] and inside and user_id in inside.value)
