"""Who is online (R3, C6): a person is, while any of their connections is.

Each process holds its connections in Redis under leases that it renews; one that dies takes its
people offline when the leases end. The scripts report only transitions - the first connection of a
person and the last - so exactly one process sees each and announces it, in batches. A connection
that ends keeps a short lease: reloading a page is not going offline.

Without Redis a process knows its own connections only, and says so (`is_known`).

    {presence}:conns   zset  person|connection, score = end of the lease in ms
    {presence}:count   hash  person → number of connections
    {presence}:seq     string  number of the last transition, for receivers that care about order
    cache:users:online set   the persons in {presence}:count (R3), with TTL_ONLINE
"""

import logging
import os
import time
from typing import Any

import gevent
from flask import Flask

from chat.extensions import redis
from chat.realtime import broadcasts, leases
from chat.redis import DOWN

log = logging.getLogger(__name__)

LEASE = 30.0  # seconds; PRESENCE_LEASE
GRACE = 5.0  # seconds between the end of the last connection and "offline"
TICK = 0.5  # seconds; also how long changes are gathered before they are announced
RECOUNT_EVERY = 60.0
MOST_AT_ONCE = 1000

CONNS, COUNT, SEQ = "{presence}:conns", "{presence}:count", "{presence}:seq"
ONLINE = "cache:users:online"
ONLINE_VERSION = "v:{cache:users:online}"


class Presence:
    """One process's connections and what it has to tell about them."""

    def __init__(self, lease: float = LEASE, ttl: int = 30, alone: bool = False) -> None:
        self.lease, self.ttl, self.alone = lease, ttl, alone
        self.grace = min(GRACE, lease / 3)
        self.mine: dict[str, str] = {}  # connection → person
        self.new: list[str] = []  # connected since the last tick
        self.gone: list[str] = []  # members whose connection ended since the last tick
        self.left: dict[str, float] = {}  # person → when their last connection here ended
        self.announced: set[str] = set()  # who this process has called online on its own
        self.in_step = False  # Redis holds all of `mine`
        self.beat_at = self.reap_at = self.recount_at = 0.0

    # -- what sockets say --------------------------------------------------------------------

    def connect(self, user_id: str, conn_id: str) -> None:
        self.mine[conn_id] = user_id
        self.new.append(conn_id)
        self.left.pop(user_id, None)

    def disconnect(self, user_id: str, conn_id: str) -> None:
        if self.mine.pop(conn_id, None) is None:
            return
        self.gone.append(member(user_id, conn_id))
        if user_id not in self.mine.values():
            self.left[user_id] = time.monotonic()

    def here(self) -> set[str]:
        """Who is connected to this process, or was a moment ago."""
        past = time.monotonic() - self.grace
        for user_id in [user_id for user_id, at in self.left.items() if at < past]:
            del self.left[user_id]
        return set(self.mine.values()) | set(self.left)

    # -- what the loop does ------------------------------------------------------------------

    def tick(self) -> None:
        """Renew, end and reap leases; announce who came and went; greet new sockets."""
        # Who connects while Redis is being asked belongs to the next tick, leases included.
        fresh, self.new = self.new, []
        if not redis.is_up() or not self._with_redis(fresh):
            self._alone()
        self._greet(fresh)

    def _with_redis(self, fresh: list[str]) -> bool:
        now = time.monotonic()
        if not self.in_step:
            # Others need a beat's time to come back before anybody is declared gone.
            self.beat_at, self.reap_at = now, now + self.lease / 3
        came = self._beat(now, fresh)
        if came is DOWN or not self._end_leases():
            self.in_step = False
            return False
        went = self._reap(now)
        if went is DOWN:
            self.in_step = False
            return False
        if not self.in_step:
            self.in_step, self.announced = True, set()
        self._announce(came, went)
        return True

    def _beat(self, now: float, fresh: list[str]) -> Any:
        due = now >= self.beat_at
        ids = list(self.mine) if due else [id for id in fresh if id in self.mine]
        members = [member(self.mine[id], id) for id in ids]
        came = self._batched(leases.BEAT, members, self.lease)
        if due and came is not DOWN:
            self.beat_at = now + self.lease / 3
        return came

    def _end_leases(self) -> bool:
        ending, self.gone = self.gone, []
        if self._batched(leases.LEAVE, ending, self.grace) is DOWN:
            self.gone = ending + self.gone
            return False
        if ending:
            self.reap_at = min(self.reap_at, time.monotonic() + self.grace + 0.1)
        return True

    def _reap(self, now: float) -> Any:
        if now < self.reap_at:
            return (0, [])
        self.reap_at = now + self.lease / 6
        if now >= self.recount_at:
            self.recount_at = now + RECOUNT_EVERY
            redis.run(leases.RECOUNT, [CONNS, COUNT], [], "presence")
        return redis.run(leases.REAP, [CONNS, COUNT, SEQ], [MOST_AT_ONCE], "presence")

    def _batched(self, script: str, members: list[str], seconds: float) -> Any:
        """Run a script over any number of members: (last seq, people)."""
        seq, people = 0, list[str]()
        for start in range(0, len(members), MOST_AT_ONCE):
            part = members[start : start + MOST_AT_ONCE]
            args = [int(seconds * 1000), *part]
            answer = redis.run(script, [CONNS, COUNT, SEQ], args, "presence")
            if answer is DOWN:
                return DOWN
            seq, people = max(seq, int(answer[0])), people + list(answer[1])
        return (seq, people)

    def _announce(self, came: tuple[int, list[str]], went: tuple[int, list[str]]) -> None:
        online, offline = set(came[1]), set(went[1])
        if online or offline:
            fill_online(self.ttl)
            seq = max(int(came[0]), int(went[0]))
            broadcasts.presence_changed(online - offline, offline - online, seq=seq)

    def _alone(self) -> None:
        """Redis is away or switched off: tell the browsers here about the people here."""
        self.in_step = False
        self.gone.clear()
        here = self.here()
        came, went = here - self.announced, self.announced - here
        self.announced = here
        if came or went:
            broadcasts.presence_changed(came, went, local=True)

    def _greet(self, fresh: list[str]) -> None:
        present = [id for id in fresh if id in self.mine]
        if present:
            now_online = online()
            for conn_id in present:
                broadcasts.presence_snapshot(conn_id, now_online, is_known())

    def leave_all(self) -> None:
        """At a graceful stop: end all leases after the usual grace."""
        for conn_id, user_id in list(self.mine.items()):
            self.disconnect(user_id, conn_id)
        if redis.is_up():
            self._end_leases()


_presence = Presence()
_greenlet: gevent.Greenlet | None = None


def init_app(app: Flask) -> None:
    """Read the settings; nothing is started."""
    global _presence
    lease = app.config.get("PRESENCE_LEASE") or os.environ.get("PRESENCE_LEASE") or LEASE
    alone = not redis.enabled and app.config.get("WORKERS", 1) == 1
    _presence = Presence(float(lease), int(app.config.get("TTL_ONLINE") or 30), alone)


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
    _presence.leave_all()


def connect(user_id: str, conn_id: str) -> None:
    """A connection began. Told to others within half a second."""
    _presence.connect(user_id, conn_id)


def disconnect(user_id: str, conn_id: str) -> None:
    """A connection ended. Does no I/O: it may run in the middle of somebody else's emit."""
    _presence.disconnect(user_id, conn_id)


def is_known() -> bool:
    """Whether `online` is the whole truth, or only what this process sees."""
    return redis.is_up() or _presence.alone


def online() -> set[str]:
    """The ids of everybody online; of those connected here while Redis is away."""
    from chat import rollout

    people: Any = DOWN
    if redis.is_up():
        if rollout.for_reader("online"):
            people = redis.call(_held, "online")
        if people is DOWN:
            people = fill_online(_presence.ttl)
    return _presence.here() if people is DOWN else set(people)


def _held(client: Any) -> Any:
    """The set as Redis holds it, DOWN if it holds none; its version tells "nobody" from "none"."""
    pipe = client.pipeline(transaction=False)
    pipe.smembers(ONLINE)
    pipe.exists(ONLINE_VERSION)
    people, known = pipe.execute()
    return people if people or known else DOWN


def fill_online(ttl: int) -> Any:
    """Write R3 anew from the leases and return it; DOWN if Redis cannot say.

    Two keys in two Cluster slots, so the set carries the number of the transition it shows, and
    an older picture never replaces a newer one.
    """
    answer = redis.run(leases.WHO, [COUNT, SEQ], [], "online")
    if answer is DOWN:
        return DOWN
    seq, people = int(answer[0] or 0), list(answer[1])
    redis.run(leases.FILL, [ONLINE, ONLINE_VERSION], [seq, ttl, *people], "online")
    return set(people)


def member(user_id: str, conn_id: str) -> str:
    return f"{user_id}|{conn_id}"


def _run(app: Flask) -> None:
    while True:
        gevent.sleep(TICK)
        try:
            with app.app_context():
                _presence.tick()
        except Exception:
            log.exception("presence stumbled")
