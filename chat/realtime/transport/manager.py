"""Who is in which room, and how an emit gets to them: one frame, made once, sent to each.

Also the Redis message queue of Socket.IO (C6), built so that an emit never waits for Redis.
python-socketio's own RedisManager blocks each emit until Redis answers, cuts its subscription
when a publish fails, and never notices a server that hangs. This one hands messages to the bus;
this process's own sockets have been served by then.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import msgspec
import socketio

from chat.cache.shapes import UNREADABLE
from chat.realtime.transport import frames
from chat.realtime.transport.coalesce import Pace, Word
from chat.realtime.transport.open_sockets import NAMESPACE
from chat.realtime.transport.socket import TransportSocket
from chat.redis.pubsub import NotOurs, bus

log = logging.getLogger(__name__)

_EVENT = "42"  # engine.io: a message; Socket.IO: an event


@dataclass
class Counts:
    """What this process has delivered since it started."""

    frames: int = 0  # made for a broadcast, however many got it
    straight: int = 0  # deliveries that left at once
    queued: int = 0  # deliveries that wait, or waited, for a slow reader
    writes: int = 0  # to sockets, of one delivery or of several that left together


counts = Counts()


def dump(data: Any) -> str:
    """JSON as it is sent; letters as they are, unless they are halves of one."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":"))
    return text


def _give(lines: list[tuple[str, TransportSocket]], words: list[Word]) -> None:
    """One write for each line, of all the words that are meant for it."""
    skipping = {skipped for _, skipped in words if skipped}
    whole, many = b"".join(frame for frame, _ in words), len(words)
    given = straight = 0
    counts.writes += len(lines)
    for sid, line in lines:
        if sid in skipping:
            mine = [frame for frame, skipped in words if skipped != sid]
            left = bool(mine) and line.push(b"".join(mine))
            counts.writes -= not mine
            given += len(mine)
            straight += len(mine) * left
        else:
            given += many
            straight += many * line.push(whole)
    counts.frames += many
    counts.straight += straight
    counts.queued += given - straight


class Rooms(socketio.Manager):
    """The library's manager with rooms that hold lines, in the one namespace there is.

    `rooms[namespace][None]` is the library's own, everybody with a socket id by engine.io id. A
    room of one socket, named after it, is not kept: it is in there. Events that ``may_wait`` may
    leave together (chat.realtime.transport.coalesce).
    """

    def __init__(self, may_wait: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._rooms_of: dict[str, set[str]] = {}  # by socket id
        self._may_wait = may_wait
        self._pace = Pace(self._give_room)

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: str | None = None,
        skip_sid: str | None = None,
        callback: None = None,
        to: str | None = None,
        **_: Any,
    ) -> None:
        """Send an event to the sockets of a room in this process."""
        self.deliver(event, f"[{dump(event)},{dump(data)}]", namespace, to or room, skip_sid)

    def deliver(
        self, event: str, body: str, namespace: str, room: str | None, skip_sid: str | None
    ) -> None:
        """Make the frame once and give it to each; nobody waits for anybody."""
        if room is not None and self._members(room):
            word = (frames.message(_EVENT + body), skip_sid)
            self._pace.say(room, word, event in self._may_wait)
            return
        found = [
            (sid, self._line(eio_sid)) for sid, eio_sid in self.get_participants(namespace, room)
        ]
        if lines := [(sid, line) for sid, line in found if line]:
            _give(lines, [(frames.message(_EVENT + body), skip_sid)])

    def hurry(self) -> None:
        """Send all that waits for company: the sockets are about to be closed."""
        self._pace.hurry_all()

    def _give_room(self, room: str, words: list[Word]) -> int:
        lines = list(self._members(room).items())
        if lines:
            _give(lines, words)
        return len(lines)

    def _members(self, room: str) -> dict[str, TransportSocket]:
        """The lines of a room by socket id; none for a room that is one socket, or nobody's."""
        return self.rooms.get(NAMESPACE, {}).get(room, {})

    def _line(self, eio_sid: str) -> TransportSocket | None:
        line: TransportSocket | None = self.server.eio.sockets.get(eio_sid)
        return line

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """(socket id, engine.io id) of everybody in a room, or of one socket."""
        everybody = self.rooms.get(namespace, {}).get(None, {})
        if room is None:
            yield from list(everybody.items())
        elif room in everybody:
            yield room, everybody[room]
        else:
            members = self.rooms.get(namespace, {}).get(room, {})
            yield from [(sid, line.sid) for sid, line in members.items()]

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """The rooms a socket is in, without those that are its own."""
        return list(self._rooms_of.get(sid, ()))

    def basic_enter_room(
        self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None
    ) -> None:
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid)
            return
        eio_sid = eio_sid or self.rooms[namespace][None][sid]
        line = self.server.eio.sockets.get(eio_sid)
        if room == sid or line is None:  # its own, or it has gone already
            return
        if self.is_sid_room(namespace, room):
            raise ValueError("cannot enter a sid room")
        self.rooms[namespace].setdefault(room, {})[sid] = line
        self._rooms_of.setdefault(sid, set()).add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        super().basic_leave_room(sid, namespace, room)
        if room is None:
            self._rooms_of.pop(sid, None)
        elif own := self._rooms_of.get(sid):
            own.discard(room)

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Without going through the rooms of everybody else."""
        for room in self.get_rooms(sid, namespace):
            self.basic_leave_room(sid, namespace, room)
        self.basic_leave_room(sid, namespace, None)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]


class Emitted(TypedDict):
    """What processes say to each other: python-socketio's words. The data is not looked into."""

    host_id: str
    method: Literal["emit"]
    event: str
    namespace: Literal["/"]
    room: str
    skip_sid: str | None
    data: list[msgspec.Raw]


_emitted = msgspec.json.Decoder(Emitted).decode


class QueueManager(Rooms):
    """The same, and what is emitted here is heard in the other processes, too."""

    def __init__(
        self, channel: str = "chat:socketio", may_wait: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(may_wait)
        self.channel = channel

    @property
    def host_id(self) -> str:
        """This process's own name: those that shared one would ignore each other."""
        return bus.name

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: str | None = None,
        skip_sid: str | None = None,
        callback: None = None,
        to: str | None = None,
        ignore_queue: bool = False,
        **_: Any,
    ) -> None:
        """Send an event to a room, here at once and elsewhere by Redis."""
        body, room = dump(data), to or room
        self.deliver(event, f"[{dump(event)},{body}]", namespace, room, skip_sid)
        if not ignore_queue:
            bus.publish(self.channel, self._message(event, body, namespace, room, skip_sid))

    def _message(self, event: str, body: str, *where: str | None) -> str:
        """What python-socketio's managers say to each other; the sender stands first."""
        namespace, room, skip_sid = where
        rest = {"method": "emit", "event": event, "binary": False, "namespace": namespace,
                "room": room, "skip_sid": skip_sid, "callback": None}  # fmt: skip
        return f'{{"host_id":"{self.host_id}",{dump(rest)[1:-1]},"data":[{body}]}}'

    def receive(self, body: bytes) -> None:
        """Apply another process's emit to the sockets here."""
        if body.startswith(f'{{"host_id":"{self.host_id}"'.encode()):  # our own comes back
            return
        try:
            message = _emitted(body)
            if not bus.is_elsewhere(message["host_id"]):
                return
            data = "".join(f",{bytes(one).decode()}" for one in message["data"])
        except UNREADABLE as error:
            raise NotOurs from error
        event, namespace = message["event"], message["namespace"]
        body_here = f"[{dump(event)}{data}]"
        self.deliver(event, body_here, namespace, message["room"], message["skip_sid"])
