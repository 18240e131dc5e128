"""Who is online (R3, C6): a person is, while any of their connections is.

Each process holds its connections in Redis under leases that it renews; one that dies takes its
people offline when the leases end. The scripts report only transitions - the first connection of a
person and the last - so exactly one process sees each and announces it, in batches. A connection
that ends keeps a short lease: reloading a page is not going offline. Somebody who goes quickly from
page to page, so that none has the time to connect, is held by the pages that they ask for.

Nobody is sent the whole list: transitions are numbered, a page knows the number it was rendered
at, and a new socket is told what changed since. Who missed too much asks `GET /api/users/online`.

Without Redis a process knows its own connections only, and says so (`is_known`).

    {presence}:conns   zset  person|connection, score = end of the lease in ms
    {presence}:count   hash  person → number of connections
    {presence}:seq     string  number of the last transition
    {presence}:log     zset  the last transitions by number
    cache:users:online set   the persons in {presence}:count (R3), with TTL_ONLINE (online_set)
"""

import logging
import time
from collections.abc import Set
from typing import Any, cast

import gevent
from flask import Flask, g, has_request_context, request

from chat.cache import dependencies, read_through
from chat.cache.fence import reads as fence_reads
from chat.presence import online_set
from chat.presence.connections import TICK, Audience, Holder
from chat.redis import DOWN, Down
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

COPY_SECONDS = 5.0  # how long a picture is asked about by its number alone

_holder = Holder(None)
_greenlet: gevent.Greenlet | None = None


def init_app(app: Flask, audience: Audience) -> None:
    """Read the settings; nothing is started. ``audience`` is told who comes and who goes."""
    global _holder
    redis.before_recovery(_mended)
    lease, ttl = float(app.config["PRESENCE_LEASE"]), int(app.config["TTL_ONLINE"])
    _holder = Holder(audience, lease, ttl)


def start(app: Flask) -> None:
    """Hold this process's leases in the background."""
    global _greenlet
    if not _greenlet:
        _greenlet = gevent.spawn(_run, app)


def stop(app: Flask) -> None:
    """End this process's leases; another process, or the next start, announces who is gone."""
    global _greenlet
    if _greenlet:
        _greenlet.kill(timeout=1)
    _greenlet = None
    _holder.leave_all()


def connect(user_id: str, conn_id: str, since: Any = None, name: str = "") -> None:
    """A connection began. Told to others within half a second.

    `since` is the number of the last change that the browser knows, from its page or from before.
    """
    _holder.connect(user_id, conn_id, since, name)


def disconnect(user_id: str, conn_id: str) -> None:
    """A connection ended. Does no I/O: it may run in the middle of somebody else's emit."""
    _holder.disconnect(user_id, conn_id)


def page_asked_for(user_id: str) -> None:
    """Somebody goes on to another page: who is online stays so until that has connected.

    Does no I/O, and brings nobody online: without a script a page never connects.
    """
    _holder.page_asked_for(user_id)


def is_known() -> bool:
    """Whether `online` is the whole truth, or only what this process sees."""
    return _holder.is_known()


def online() -> Set[str]:
    """The ids of everybody online; of those connected here while Redis is away.

    Asked for once a request, however many lists show it.
    """
    return _picture().people


def seq() -> int:
    """The number of the last change that `online` shows; 0 if there are no numbers."""
    return _picture().seq


def _picture() -> online_set.Picture:
    if not has_request_context():
        return _look()
    # `g` belongs to the app's context, which may outlive a request.
    asker, picture = g.get("presence", (None, None))
    this: Any = request._get_current_object()  # type: ignore[attr-defined]
    if asker is not this:
        picture = _look()
        g.presence = (this, picture)
    if picture.from_set:
        dependencies.read_plain(keys.online_seq(), str(picture.seq))
        read_through.note("hit")
    return cast(online_set.Picture, picture)


class Asked(fence_reads.Rider):
    """The question who is online, asked in somebody else's round trip."""

    def __init__(self) -> None:
        self.known = _copy.get()
        super().__init__(online_set.everybody.call(self.known))


def ahead() -> Asked | None:
    """The question, for ``fence_reads.ask``; its answer goes to ``asked``."""
    return Asked() if read_through.is_cached("online") else None


def asked(question: Asked) -> None:
    """It has been asked. Without an answer Redis is asked again when it is due."""
    if question.answer is None:
        return
    found = online_set.everybody.picture_of(question.answer, question.known)
    if not isinstance(found, Down):
        g.presence = (request._get_current_object(), _seen(found))  # type: ignore[attr-defined]


def _look() -> online_set.Picture:
    found: online_set.Picture | Down = DOWN
    if read_through.is_cached("online"):
        found = online_set.everybody.read(_copy.get())
        if not isinstance(found, Down):
            return _seen(found)
        if redis.is_up():
            found = online_set.everybody.fill(_holder.ttl)
    elif redis.is_up():
        found = online_set.everybody.who()
        read_through.note("bypass")
    outcome = "miss" if redis.is_up() else "down" if redis.enabled else "bypass"
    read_through.note(outcome)
    telemetry.cache(keys.online(), outcome)
    return online_set.Picture(_holder.here(), 0) if isinstance(found, Down) else found


def _seen(found: online_set.Picture) -> online_set.Picture:
    _copy.put(found)
    telemetry.cache_hits([keys.online()])
    return found


class _Copy:
    """The picture that was read last, for a while: its number tells whether it is still the one,
    but when Redis has lost everything numbers begin again."""

    def __init__(self) -> None:
        self._picture: online_set.Picture | None = None
        self._until = 0.0

    def get(self) -> online_set.Picture | None:
        """The picture, or None when it is too old."""
        return self._picture if time.monotonic() < self._until else None

    def put(self, picture: online_set.Picture) -> None:
        """Redis has just sent this one, or confirmed it."""
        if picture is not self._picture:
            self._picture, self._until = picture, time.monotonic() + COPY_SECONDS

    def forget(self) -> None:
        """Nothing is known any more."""
        self._picture = None


_copy = _Copy()


def _mended() -> bool:
    """Before Redis is used again. False if it is away after all.

    A server that comes back with what it held long ago gives numbers a second time; after a find
    that was not as declared (``chat.cache.type_check``) the leases are counted again.
    """
    _copy.forget()
    return (not redis.poisoned or online_set.everybody.count_again()) and _holder.come_back()


def _run(app: Flask) -> None:
    pause = TICK
    while True:
        gevent.sleep(pause)
        pause = TICK
        try:
            with app.app_context():
                _holder.tick()
            pause = _holder.pause()
        except Exception:
            log.exception("presence stumbled")
