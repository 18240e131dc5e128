"""Presence: the people who are online (R3, C6). A person with at least one connection is online.

Each process stores a lease in Redis for each of its connections, and renews it. If a process dies,
its people go offline when the leases end. The scripts report only transitions: the first connection
of a person, or the end of the last one. So exactly one process sees each transition and announces
it, in batches. A closed connection keeps a short lease, so that reloading a page does not mean
going offline. Each requested page extends the presence, too, so that a person who changes pages
faster than they can connect stays online.

No browser is sent the whole list over the socket. Transitions are numbered; a page knows the number
at which it was rendered, and a new socket gets the transitions since that number. A browser that
missed too many asks `GET /api/users/online`. That answer, like a page, names a limited number of
people and counts the others: whoever is not named then is "unknown", not offline.

Without Redis a process knows only its own connections, and reports that (`is_known`).

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

from chat.cache import read_through, response_dependencies
from chat.cache.fence import reads as fence_reads
from chat.presence import online_set
from chat.presence.connections import TICK, Audience, Holder
from chat.redis import DOWN, Down
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

COPY_SECONDS = 5.0  # how long a copy of the set may be used if Redis confirms its number

_holder = Holder(None)  # of everybody who is online
_holders: list[Holder] = []  # the same, and those of other sets (``keep``)
_greenlet: gevent.Greenlet | None = None


def init_app(app: Flask, audience: Audience) -> None:
    """Read the settings. Starts nothing. ``audience`` receives the changes of presence."""
    global _holder, _holders
    redis.before_recovery(_mended)
    lease, ttl = float(app.config["PRESENCE_LEASE"]), int(app.config["TTL_ONLINE"])
    _holder = Holder(audience, lease, ttl)
    _holders = [_holder]


def keep(holder: Holder) -> None:
    """Renew the leases of another set of people, and repair both when Redis comes back.

    Call it after ``init_app`` and before ``start``.
    """
    _holders.append(holder)


def start(app: Flask) -> None:
    """Begin to renew the leases of this process in the background."""
    global _greenlet
    if not _greenlet:
        _greenlet = gevent.spawn(_run, app)


def stop(app: Flask) -> None:
    """Shorten the leases of this process. Another process, or the next start, announces the end."""
    global _greenlet
    if _greenlet:
        _greenlet.kill(timeout=1)
    _greenlet = None
    for holder in _holders:
        holder.leave_all()


def connect(user_id: str, conn_id: str, since: Any = None, name: str = "") -> None:
    """Record a new connection. Other browsers hear of it within half a second.

    `since` is the number of the last transition that the browser knows.
    """
    _holder.connect(user_id, conn_id, since, name)


def disconnect(user_id: str, conn_id: str) -> None:
    """Record the end of a connection. Does no I/O, because it may run in the middle of an emit."""
    _holder.disconnect(user_id, conn_id)


def page_asked_for(user_id: str) -> None:
    """Record the request of a page: a person who is online stays so until that page connects.

    Does no I/O. Does not bring a person online, because a page without JavaScript never connects.
    """
    _holder.page_asked_for(user_id)


def is_known() -> bool:
    """Whether `online` knows the connections of all processes, not only of this one."""
    return _holder.is_known()


def online() -> Set[str]:
    """The ids of all online people; while Redis is down, of those connected to this process.

    Redis is asked once a request at most.
    """
    return _picture().people


def seq() -> int:
    """The number of the last transition in `online`; 0 without Redis."""
    return _picture().seq


def _picture() -> online_set.Picture:
    if not has_request_context():
        return _look()
    # `g` belongs to the app context, which may live longer than a request.
    asker, picture = g.get("presence", (None, None))
    this: Any = request._get_current_object()  # type: ignore[attr-defined]
    if asker is not this:
        picture = _look()
        g.presence = (this, picture)
    if picture.from_set:
        response_dependencies.read_plain(keys.online_seq(), str(picture.seq))
        read_through.note("hit")
    return cast(online_set.Picture, picture)


class Asked(fence_reads.Rider):
    """The read of the online set, as a rider in the round trip of another read."""

    def __init__(self) -> None:
        self.known = _copy.get()
        super().__init__(online_set.everybody.call(self.known))


def ahead() -> Asked | None:
    """A rider for ``fence_reads.ask``; pass it to ``asked`` afterwards. None if not cached."""
    return Asked() if read_through.is_cached("online") else None


def asked(question: Asked) -> None:
    """Use the answer of a rider for this request. Without one, ``online`` asks Redis itself."""
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
    """The picture that was read last, for COPY_SECONDS.

    Redis confirms a copy by its number. The time is limited because numbers may repeat after Redis
    has lost all data.
    """

    def __init__(self) -> None:
        self._picture: online_set.Picture | None = None
        self._until = 0.0

    def get(self) -> online_set.Picture | None:
        """The picture, or None if it is too old."""
        return self._picture if time.monotonic() < self._until else None

    def put(self, picture: online_set.Picture) -> None:
        """Keep a picture that Redis has just sent. A confirmed one keeps its end."""
        if picture is not self._picture:
            self._picture, self._until = picture, time.monotonic() + COPY_SECONDS

    def forget(self) -> None:
        """Drop the picture."""
        self._picture = None


_copy = _Copy()


def _mended() -> bool:
    """Repair the leases of all sets before Redis is used again. False if Redis is still down.

    The copy is dropped because a server that returns with old data gives the same numbers again.
    If a wrong key was found (``chat.cache.key_repair``), the leases are counted again.
    """
    _copy.forget()
    return all(
        (not redis.poisoned or holder.people.repair()) and holder.come_back() for holder in _holders
    )


def _run(app: Flask) -> None:
    pause = TICK
    while True:
        gevent.sleep(pause)
        pause = min(_tick(app, holder) for holder in _holders)


def _tick(app: Flask, holder: Holder) -> float:
    """One tick; the seconds until the next one."""
    try:
        with app.app_context():
            holder.tick()
        return holder.pause()
    except Exception:
        log.exception("presence stumbled")
        return TICK
