"""A set of people derived from leases: `cache:users:online` (R3) for everybody who is online.

There can be several such sets, each with leases of its own (``Names``).

The leases and the set live in two Cluster slots, so the set carries the number of the transition
that it shows. It follows by what changed since that number; only when it is missing, or the log of
transitions does not reach back to it, is it written whole. A newer picture is never replaced by an
older one, whichever process comes last.
"""

import logging
from collections.abc import Iterable, Set
from itertools import chain
from typing import Any, NamedTuple

from chat import rollout
from chat.cache import dependencies, read_through, shapes
from chat.cache.decoders import decoder
from chat.presence import leases, set_scripts
from chat.redis import DOWN, Down, scripts
from chat.redis.client import redis
from chat.redis_schema import keys

log = logging.getLogger(__name__)

_people = decoder("cache:users:online")


class Names(NamedTuple):
    """The keys of one set in Redis.

    ``leases``: conns, count, seq and log, in one Cluster slot with ``recounted``. ``people``: the
    set, in one slot with ``shown``, the number of the transition that it shows.
    """

    leases: list[str]
    recounted: str
    people: str
    shown: str

    @property
    def counts(self) -> str:
        return self.leases[1]

    @property
    def seq(self) -> str:
        return self.leases[2]

    @property
    def log(self) -> str:
        return self.leases[3]


class Transition(NamedTuple):
    """Somebody came (+) or went (-)."""

    seq: int
    sign: str
    people: list[str]


class Picture(NamedTuple):
    """Who is online; `seq` is the number of the last transition that is certainly in it."""

    people: Set[str]
    seq: int
    from_set: bool = False  # not derived from the leases now


class OnlineSet:
    """One set of people and the leases that it is derived from."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def call(self, known: Picture | None = None) -> scripts.Call:
        """The script call that reads the set, or only its number where that is the known one."""
        return set_scripts.READ, [self.names.shown, self.names.people], [known.seq if known else ""]

    def picture_of(self, answer: list[Any], known: Picture | None = None) -> Picture | Down:
        """What the call answered; DOWN if Redis holds no set that can be read.

        A number tells "nobody" from "none".
        """
        if answer[0] is None:
            return DOWN
        if len(answer) == 1 and known is not None:
            return known
        try:
            return Picture(
                _people(answer[1], self.names.people), shapes.change(answer[0]), from_set=True
            )
        except shapes.UNREADABLE:
            read_through.unreadable(self.names.people)
            self._forget_set()
            return DOWN

    def read(self, known: Picture | None = None) -> Picture | Down:
        """The set as Redis holds it; DOWN if it holds none."""
        answer = redis.run(*self.call(known), "online")
        return DOWN if isinstance(answer, Down) else self.picture_of(answer, known)

    def who(self) -> Picture | Down:
        """Who holds a lease, past the set."""
        answer = redis.run(set_scripts.WHO, [self.names.counts, self.names.seq], [], "online")
        if answer is DOWN:
            return DOWN
        seq, people = self._last(answer[0]), set(answer[1])
        try:
            shapes.check_ids(people)
        except shapes.UNREADABLE:
            redis.distrust("somebody who holds a lease is nobody")  # a recovery counts again
            return DOWN
        return DOWN if isinstance(seq, Down) else Picture(people, seq)

    def _last(self, text: str) -> int | Down:
        """The number of the last change; DOWN if it is none: then numbers begin anew."""
        try:
            return shapes.change(text)
        except shapes.UNREADABLE:
            _delete(self.names.seq)
            return DOWN

    def count(self, seconds: int) -> Any:
        """Count leases if nobody has in so many seconds (``leases.RECOUNT``)."""
        return redis.run(
            leases.RECOUNT, [*self.names.leases, self.names.recounted], [seconds], "presence"
        )

    def count_again(self) -> bool:
        """Now, whoever did it last. False if Redis is away."""
        redis.call(lambda client: client.unlink(self.names.recounted), "presence")
        return self.count(1) is not DOWN

    def fill(self, ttl: int) -> Picture | Down:
        """Write the set whole, and return it."""
        found = self.who()
        if not isinstance(found, Down):
            args = [found.seq, ttl, *found.people]
            redis.run(
                set_scripts.FILL, [self.names.people, self.names.shown], args, "online", spare=True
            )
        return found

    def follow(self, ttl: int) -> int | Down:
        """Bring the set up to the last transition and prolong it; that number, or DOWN.

        Costs what has changed, however many are online. Where nobody uses the set it is left alone.
        """
        if not rollout.writes("online"):
            last = redis.run(dependencies.VERSION, [self.names.seq], [], "presence")
            return last if isinstance(last, Down) else self._last(last or "0")
        stored = redis.run(dependencies.VERSION, [self.names.shown], [], "online")
        if isinstance(stored, Down):
            return DOWN
        if stored is None:
            return self._refill(ttl)
        try:
            held = shapes.change(stored)
        except shapes.UNREADABLE:
            return self._refill(ttl, forget=True)
        found = self.news(held)
        if isinstance(found, Down):
            return DOWN
        seq, since = found
        changed = net(since, held, seq)
        if changed is None:
            return self._refill(ttl, forget=held > seq)
        came, went = changed
        args = [held, seq, ttl, len(came), *came, *went]
        done = redis.run(set_scripts.SHIFT, [self.names.people, self.names.shown], args, "online")
        return DOWN if done is DOWN else seq if done else self._refill(ttl)

    def _refill(self, ttl: int, forget: bool = False) -> int | Down:
        # Numbers that were lost with the leases: what the set shows is from before that.
        filled = self.rewrite(ttl) if forget else self.fill(ttl)
        return DOWN if isinstance(filled, Down) else filled.seq

    def rewrite(self, ttl: int) -> Picture | Down:
        """Write the set anew whatever it holds."""
        self._forget_set()
        return self.fill(ttl)

    def _forget_set(self) -> None:
        redis.call(lambda client: client.delete(self.names.shown, self.names.people), "online")

    def size(self) -> int | Down:
        """How many people the set holds."""
        found = redis.run(set_scripts.SIZE, [self.names.people, self.names.shown], [], "online")
        return found if isinstance(found, Down) else int(found)

    def news(self, since: int) -> tuple[int, list[Transition]] | Down:
        """(the last number, the remembered transitions after `since`).

        No transitions if the log holds what is none of ours.
        """
        answer = redis.run(set_scripts.NEWS, [self.names.log, self.names.seq], [since], "presence")
        if answer is DOWN:
            return DOWN
        seq = self._last(answer[0])
        if isinstance(seq, Down):
            return DOWN
        try:
            return seq, [_parse(entry) for entry in answer[1]]
        except shapes.UNREADABLE:
            _delete(self.names.log)
            return seq, []


def _delete(key: str) -> None:
    log.error("unreadable in Redis, deleted: %s", key)
    redis.call(lambda client: client.unlink(key), key)


def net(told: Iterable[Transition], since: int, seq: int) -> tuple[list[str], list[str]] | None:
    """(who came, who went) from one number to another; None if not all of it is remembered."""
    between = [transition for transition in told if since < transition.seq <= seq]
    if len(between) != seq - since:
        return None
    last = dict(chain.from_iterable(((who, t.sign) for who in t.people) for t in between))
    came = sorted(who for who, sign in last.items() if sign == "+")
    return came, sorted(who for who, sign in last.items() if sign == "-")


def _parse(entry: str) -> Transition:
    sign = "+" if "+" in entry else "-"
    seq, _, names = entry.partition(sign)
    people = names.split(" ")
    shapes.check_ids(people)
    return Transition(shapes.number(seq), sign, people)


everybody = OnlineSet(
    Names(
        [keys.presence(part) for part in ("conns", "count", "seq", "log")],
        keys.presence("recounted"),
        keys.online(),
        keys.online_seq(),
    )
)
