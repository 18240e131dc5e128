"""The connections of one process and their leases in Redis, which it renews (R3, C6).

``chat.presence`` explains the whole; ``chat.presence.lease_scripts`` has the scripts.
"""

import time
from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Any, Protocol

from chat import rollout
from chat.cache import isolation
from chat.presence import lease_scripts, online_set
from chat.presence.online_set import OnlineSet
from chat.redis import DOWN, Down
from chat.redis.client import redis

LEASE = 30.0  # seconds; PRESENCE_LEASE
GRACE = 1.4  # seconds from the end of the last connection to "offline"; with TICK under 2
PAGE_GRACE = 8.0  # seconds for a requested page to connect, even on a slow network
STOP_GRACE = 10.0  # seconds for browsers to connect to another process after a graceful stop
TICK = 0.5  # seconds; changes are collected for this time before they are announced
REAPS = 6  # reaps in the time of a lease
MARGIN = 0.03  # seconds; a reap comes this much after the end of the lease it waits for
RECOUNT_EVERY = 60  # seconds; one of all processes recounts
MOST_AT_ONCE = 1000
MOST_TOLD = 200  # transitions sent to a new socket; a browser that missed more requests the list
MOST_NAMED = 500  # people in one such event, likewise


class Audience(Protocol):
    """Sends changes of presence to browsers (``chat.realtime.outgoing.broadcasts``)."""

    def presence_changed(
        self, online: Iterable[str], offline: Iterable[str], local: bool = False, **extra: Any
    ) -> None: ...

    def presence_greeting(
        self,
        sid: str,
        online: Iterable[str],
        offline: Iterable[str],
        known: bool,
        missed: bool,
        **extra: Any,
    ) -> None: ...


class Holder:
    """Keeps the connections of one process, their leases, and the changes to be announced."""

    def __init__(
        self,
        audience: Audience | None,
        lease: float = LEASE,
        ttl: int = 30,
        people: OnlineSet = online_set.everybody,
    ) -> None:
        self._audience, self.people = audience, people
        self.lease, self.ttl = lease, ttl
        self.grace, self.stop_grace = min(GRACE, lease / 3), min(STOP_GRACE, lease / 3)
        self.page_grace = min(PAGE_GRACE, lease / 3)
        self.mine: dict[str, str] = {}  # connection → person
        self.tabs: Counter[str] = Counter()  # person → connections here
        self.names: dict[str, str] = {}  # person → nickname, sent along with arrivals
        self.new: dict[str, int] = {}  # connected since the last tick → the number its page knows
        self.gone: dict[str, float] = {}  # lease member that ended since the last tick → when
        self.left: dict[str, float] = {}  # person without connection → until when still online
        self.coming: dict[str, float] = {}  # person → until when a requested page may connect
        self.asked_for: set[str] = set()  # people who requested a page since the last tick
        self.announced: set[str] = set()  # people announced from this process's own knowledge
        self.was_known = True  # `is_known` at the last tick
        self.untold: list[online_set.Transition] = []  # reported by Redis, not announced yet
        self.in_step = False  # whether Redis has leases for all of `mine`
        self.miscounted = False  # Redis does not count everybody who has a lease
        self.beat_at = self.reap_at = self.recount_at = self.keep_at = 0.0

    # -- what sockets say --------------------------------------------------------------------

    def connect(self, user_id: str, conn_id: str, since: Any = None, name: str = "") -> None:
        self.mine[conn_id] = user_id
        self.names[user_id] = name
        self.tabs[user_id] += 1
        self.new[conn_id] = since if type(since) is int else 0
        self.left.pop(user_id, None)
        self.coming.pop(user_id, None)
        self.asked_for.discard(user_id)

    def page_asked_for(self, user_id: str) -> None:
        """Record the request of a page: the old connection is about to end, a new one to begin."""
        self.asked_for.add(user_id)
        self.coming[user_id] = time.monotonic() + self.page_grace
        if user_id in self.left:
            self.left[user_id] = self.coming[user_id]

    def disconnect(self, user_id: str, conn_id: str) -> None:
        if self.mine.pop(conn_id, None) is None:
            return
        now = time.monotonic()
        self.gone[member(user_id, conn_id)] = now
        self.tabs[user_id] -= 1
        if self.tabs[user_id] <= 0:
            del self.tabs[user_id], self.names[user_id]
            self.left[user_id] = max(now + self.grace, self.coming.get(user_id, 0))

    def is_known(self) -> bool:
        """Whether this process knows the connections of all processes."""
        return isolation.all_heard()

    def here(self) -> set[str]:
        """The people connected to this process now or within their grace time."""
        return set(self.tabs) | set(self.left)

    # -- what the loop does ------------------------------------------------------------------

    def tick(self) -> None:
        """Renew, end and reap leases; announce arrivals and departures; greet new sockets."""
        self._forget_past()
        # Connections made during the calls to Redis belong to the next tick, with their leases.
        fresh, self.new = self.new, {}
        seq = self._with_redis(fresh) if redis.is_up() else DOWN
        if not redis.is_up():
            self.in_step = False
            self._forget_gone()
            self.asked_for.clear()
        self._tell_who_is_here()
        self._greet(fresh, seq)

    def pause(self) -> float:
        """Seconds until the next tick: TICK, or less if a lease ends earlier."""
        until = self.reap_at - time.monotonic() if self.in_step else TICK
        return min(TICK, max(MARGIN, until))

    def _forget_past(self) -> None:
        now = time.monotonic()
        self.left = {who: until for who, until in self.left.items() if until >= now}
        self.coming = {who: until for who, until in self.coming.items() if until >= now}

    def _forget_gone(self) -> None:
        """Forget ended connections whose leases have expired during the outage."""
        past = time.monotonic() - self.lease
        self.gone = {name: at for name, at in self.gone.items() if at >= past}

    def _with_redis(self, fresh: dict[str, int]) -> int | Down:
        """The part of a tick that needs Redis; the number of the last transition in R3, or DOWN."""
        now = time.monotonic()
        if not self.in_step:
            # Before the first reap other processes need time to renew their leases.
            self.beat_at = self.keep_at = now
            self.reap_at = now + self.lease / 3
        done = self._beat(now, fresh) and self._stay() and self._end_leases() and self._reap(now)
        done = done and self._repair()
        seq = self._follow(now, bool(fresh)) if done else DOWN
        self._announce()  # even if Redis failed: no other process knows these transitions
        if isinstance(seq, Down):
            self.in_step = False
        else:
            self.in_step = True
        return seq

    def _beat(self, now: float, fresh: dict[str, int]) -> bool:
        due = now >= self.beat_at
        if not self._renew(list(self.mine) if due else [id for id in fresh if id in self.mine]):
            return False
        if due:
            self.beat_at = now + self.lease / 3
        return True

    def _renew(self, ids: list[str]) -> bool:
        members = [member(self.mine[id], id) for id in ids]
        for part in _parts(members):
            if not self._changed(lease_scripts.BEAT, "+", [int(self.lease * 1000), *part]):
                return False
        return True

    def come_back(self) -> bool:
        """Write all leases before Redis is used again, because Redis may have lost them.

        False if Redis is still down.
        """
        return self._renew(list(self.mine))

    def _stay(self) -> bool:
        """Keep people online who requested a page, until it connects; False if Redis is down."""
        staying, self.asked_for = list(self.asked_for), set()
        for part in _parts(staying):
            args = [int(self.page_grace * 1000), *part]
            if redis.run(lease_scripts.STAY, self.people.names.leases, args, "presence") is DOWN:
                return False
        if staying:
            self.reap_at = min(self.reap_at, time.monotonic() + self.page_grace + MARGIN)
        return True

    def _end_leases(self) -> bool:
        ending, self.gone = self.gone, {}
        if not self._shorten(ending, self.grace):
            self.gone = ending | self.gone
            return False
        # Reap when the grace of these connections is over, not a tick later. Not after an outage:
        # that would end the leases of other processes before they can renew them.
        if ending and self.in_step:
            self.reap_at = min(self.reap_at, max(ending.values()) + self.grace + MARGIN)
        return True

    def _reap(self, now: float) -> bool:
        if now < self.reap_at:
            return True
        self.reap_at = now + self.lease / REAPS
        if now >= self.recount_at:
            self.recount_at = now + RECOUNT_EVERY
            self._renew(list(self.mine))  # restore lost leases before they are counted
            self._recount()
        return self._changed(lease_scripts.REAP, "-", [MOST_AT_ONCE, int(self.lease * 1000)])

    def _repair(self) -> bool:
        """If people with leases are not counted, count now. False if Redis is down."""
        if not self.miscounted:
            return True
        if not self._renew(list(self.mine)):
            return False
        answer = self.people.count_again()
        if answer is DOWN:
            return False
        self._rewrite_if_wrong(answer)
        self.miscounted = False
        return True

    def _changed(self, script: str, sign: str, args: list[Any]) -> bool:
        """Run a script and keep the transition that it reports; False if Redis is down."""
        answer = redis.run(script, self.people.names.leases, args, "presence")
        if answer is DOWN:
            return False
        seq, people, lost = answer
        staying = self._staying(people) if sign == "-" else set()
        if lost or staying:
            self.miscounted = True
        if told := [who for who in people if who not in staying]:
            self.untold.append(online_set.Transition(int(seq), sign, told))
        return True

    def _staying(self, people: Iterable[str]) -> set[str]:
        """Those of ``people`` with a connection here whose lease Redis has: they are not gone."""
        here = {who for who in people if who in self.tabs}
        if not here:
            return here
        return here & {who for id, who in self.mine.items() if id not in self.new}

    def _follow(self, now: float, asked: bool) -> int | Down:
        """Update R3 before changes are announced. Without changes, only extend its lifetime."""
        if not (self.untold or asked or now >= self.keep_at):
            return 0
        self.keep_at = now + min(self.lease, self.ttl) / 3
        return self.people.follow(self.ttl)

    def _announce(self) -> None:
        """Send one event for each transition: by the numbers receivers see if they missed one."""
        untold, self.untold = self.untold, []
        for seq, sign, people in untold:
            came, went = (people, []) if sign == "+" else ([], people)
            self._tell(came, went, seq=seq, names=self._named(came))

    def _tell(self, came: Iterable[str], went: Iterable[str], **extra: Any) -> None:
        if self._audience is not None:
            self._audience.presence_changed(came, went, **extra)

    def _named(self, people: Iterable[str]) -> dict[str, str]:
        return {id: self.names[id] for id in people if self.names.get(id)}

    def _tell_who_is_here(self) -> None:
        """Without Redis: tell the browsers of this process about the people connected here.

        If other processes are not heard, the first event names the people here, and each event has
        ``known`` False: other people may be online, too. So such an event need not name all, and
        names MOST_NAMED at most.
        """
        known = self.is_known()
        if known != self.was_known:
            self.was_known, self.announced = known, set()
        if known and redis.enabled:
            return
        here = self.here()
        came, went = here - self.announced, self.announced - here
        self.announced = here
        if came or went:
            told = came if known else nsmallest(MOST_NAMED, came)
            self._tell(told, went, local=True, known=known, names=self._named(told))

    def _greet(self, fresh: dict[str, int], seq: int | Down) -> None:
        """Send each new socket the changes since its page was rendered."""
        present = {id: since for id, since in fresh.items() if id in self.mine}
        if not present or self._audience is None:
            return
        told = self._news(present, seq)
        for conn_id, since in present.items():
            what = None if isinstance(seq, Down) else online_set.net(told, since, seq)
            if what and len(what[0]) + len(what[1]) > MOST_NAMED:
                what = None
            came, went = what or ([], [])
            number = None if isinstance(seq, Down) else seq
            self._audience.presence_greeting(
                conn_id, came, went, known=self.is_known(), missed=what is None, seq=number
            )

    def _news(self, present: dict[str, int], seq: int | Down) -> list[online_set.Transition]:
        """The transitions up to `seq` that these sockets may have missed, at most MOST_TOLD."""
        if isinstance(seq, Down):
            return []
        oldest = max(seq - MOST_TOLD, min(present.values()))
        found = self.people.news(oldest) if oldest < seq else DOWN
        return [] if isinstance(found, Down) else found[1]

    def leave_all(self) -> None:
        """Shorten all leases at a graceful stop; browsers have time to connect elsewhere."""
        now = time.monotonic()
        ending = {member(user_id, id): now for id, user_id in self.mine.items()}
        gone, self.gone = self.gone, {}
        self.mine.clear()
        self.tabs.clear()
        self.names.clear()
        if redis.is_up():
            self._shorten(gone, self.grace)
            self._shorten(ending, self.stop_grace)

    def _shorten(self, ending: dict[str, float], grace: float) -> bool:
        """Let leases end `grace` seconds after their connections; False if Redis is down."""
        now = time.monotonic()
        for part in _parts(list(ending.items())):
            args = [x for name, at in part for x in (int(max(0, at + grace - now) * 1000), name)]
            if redis.run(lease_scripts.LEAVE, self.people.names.leases, args, "presence") is DOWN:
                return False
        return True

    def _recount(self) -> None:
        """Repair counts and set after the loss of a key; at most one process a minute does it."""
        self._rewrite_if_wrong(self.people.count(RECOUNT_EVERY))

    def _rewrite_if_wrong(self, answer: Any) -> None:
        """Write the set anew if a recount (``lease_scripts.RECOUNT``) finds that it is wrong."""
        if answer is DOWN or not answer[0] or not rollout.writes("online"):
            return
        if answer[0] == 2 or self.people.size() not in (answer[1], DOWN):
            self.people.rewrite(self.ttl)


def member(user_id: str, conn_id: str) -> str:
    """The name of a connection in the leases."""
    return f"{user_id}|{conn_id}"


def _parts(items: list[Any]) -> list[list[Any]]:
    return [items[at : at + MOST_AT_ONCE] for at in range(0, len(items), MOST_AT_ONCE)]
