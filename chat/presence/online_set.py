"""A set of people computed from leases: `cache:users:online` (R3) has all people online.

There can be several such sets, each with its own leases (``Names``).

The leases and the set are in two Cluster slots. So the set is stored with the number of the last
transition in it. To update the set, the transitions after that number are applied. The whole set is
written only if it is missing, or if the log does not reach back to its number. A newer picture is
never replaced by an older one, in whatever order the processes write.
"""

import logging
from collections.abc import Iterable, Set
from itertools import chain
from typing import Any, NamedTuple

from chat import rollout
from chat.cache import read_through, response_dependencies, shapes
from chat.cache.decoders import decoder
from chat.presence import lease_scripts, set_scripts
from chat.redis import DOWN, Down, scripts
from chat.redis.client import redis
from chat.redis_schema import keys

log = logging.getLogger(__name__)

_people = decoder("cache:users:online")


class Names(NamedTuple):
    """The keys of one set in Redis.

    ``leases``: conns, count, seq and log, in the same Cluster slot as ``recounted``. ``people``:
    the set, in the same slot as ``shown``, the number of the last transition in the set.
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
    """One transition: these people came online (+) or went offline (-)."""

    seq: int
    sign: str
    people: list[str]


class Picture(NamedTuple):
    """The people online. `seq` is the number of the last transition that is certainly in it."""

    people: Set[str]
    seq: int
    from_set: bool = False  # read from the set, not computed from the leases


class OnlineSet:
    """One set of people and the leases from which it is computed."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def call(self, known: Picture | None = None) -> scripts.Call:
        """The script call that reads the set, or only its number if ``known`` is current."""
        return set_scripts.READ, [self.names.shown, self.names.people], [known.seq if known else ""]

    def picture_of(self, answer: list[Any], known: Picture | None = None) -> Picture | Down:
        """The picture from the answer of ``call``; DOWN if there is no readable set.

        An empty set does not exist in Redis; if there is a number, it means "nobody is online".
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
        """The picture from the set; DOWN if Redis has none."""
        answer = redis.run(*self.call(known), "online")
        return DOWN if isinstance(answer, Down) else self.picture_of(answer, known)

    def who(self) -> Picture | Down:
        """The picture computed from the leases, without the set."""
        found = self._who()
        return self._who() or DOWN if found is None else found

    def _who(self) -> Picture | Down | None:
        """``who``; None if something was repaired, so that it must be asked again."""
        leases = self.names.leases
        answer = redis.run(set_scripts.WHO, [leases[1], leases[2], leases[0]], [], "online")
        if answer is DOWN:
            return DOWN
        if answer[2]:
            self.count_again()
            return None
        seq, people = self._last(answer[0]), set(answer[1])
        try:
            shapes.check_ids(people)
        except shapes.UNREADABLE:
            redis.distrust("somebody who holds a lease is nobody")  # a recovery recounts
            return DOWN
        return None if isinstance(seq, Down) else Picture(people, seq)

    def _last(self, text: str) -> int | Down:
        """A transition number; DOWN if ``text`` is none. Then seq is deleted and restarts."""
        try:
            return shapes.change(text)
        except shapes.UNREADABLE:
            _delete(self.names.seq)
            return DOWN

    def count(self, seconds: int) -> Any:
        """Recount the leases, unless a process did so within ``seconds`` (``leases.RECOUNT``)."""
        return redis.run(
            lease_scripts.RECOUNT, [*self.names.leases, self.names.recounted], [seconds], "presence"
        )

    def count_again(self) -> Any:
        """Recount the leases now (``leases.RECOUNT``)."""
        redis.call(lambda client: client.unlink(self.names.recounted), "presence")
        return self.count(1)

    def repair(self) -> bool:
        """Delete a number that scripts cannot count on, and recount. False if Redis is down."""
        last = redis.run(response_dependencies.VERSION, [self.names.seq], [], "presence")
        if isinstance(last, Down):
            return False
        self._last(last or "0")
        return self.count_again() is not DOWN

    def fill(self, ttl: int) -> Picture | Down:
        """Write the whole set from the leases; the picture or DOWN."""
        found = self.who()
        if not isinstance(found, Down):
            args = [found.seq, ttl, *found.people]
            redis.run(
                set_scripts.FILL, [self.names.people, self.names.shown], args, "online", spare=True
            )
        return found

    def follow(self, ttl: int) -> int | Down:
        """Update the set to the last transition and extend its lifetime; that number, or DOWN.

        The cost depends on the number of changes, not of people. If no process uses the set
        (rollout), only the number is read.
        """
        if not rollout.writes("online"):
            last = redis.run(response_dependencies.VERSION, [self.names.seq], [], "presence")
            return last if isinstance(last, Down) else self._last(last or "0")
        stored = redis.run(response_dependencies.VERSION, [self.names.shown], [], "online")
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
        # ``forget``: the number in the set is newer than the log or unreadable, so it is deleted.
        filled = self.rewrite(ttl) if forget else self.fill(ttl)
        return DOWN if isinstance(filled, Down) else filled.seq

    def rewrite(self, ttl: int) -> Picture | Down:
        """Delete the set and write it whole."""
        self._forget_set()
        return self.fill(ttl)

    def _forget_set(self) -> None:
        redis.call(lambda client: client.delete(self.names.shown, self.names.people), "online")

    def size(self) -> int | Down:
        """The number of people in the set, or DOWN."""
        found = redis.run(set_scripts.SIZE, [self.names.people, self.names.shown], [], "online")
        return found if isinstance(found, Down) else int(found)

    def news(self, since: int) -> tuple[int, list[Transition]] | Down:
        """(the last number, the logged transitions after `since`), or DOWN.

        If the log has an entry that we did not write, it is deleted and there are no transitions.
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
    """(arrivals, departures) between two numbers; None if a transition is missing in ``told``."""
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
