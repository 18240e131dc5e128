"""The rooms of Socket.IO, and emits to them: a frame is encoded once and sent to each socket.

Also the Redis message queue of Socket.IO (C6). An emit never waits for Redis. The RedisManager of
python-socketio blocks each emit until Redis answers, loses its subscription if a publish fails,
and does not detect a server that hangs. The manager here first sends to the sockets of this
process, then gives the message to the bus.
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

_EVENT = "42"  # 4: an engine.io message; 2: a Socket.IO event


@dataclass
class Counts:
    """Counters of deliveries since the start of this process."""

    frames: int = 0  # encoded frames, each counted once for all its receivers
    straight: int = 0  # deliveries that were sent at once
    queued: int = 0  # deliveries that had to wait for a slow reader
    writes: int = 0  # writes to sockets, each with one or more deliveries


counts = Counts()


def dump(data: Any) -> str:
    """Compact JSON with unescaped Unicode; with escapes if ``data`` has lone surrogates."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":"))
    return text


def _give(lines: list[tuple[str, TransportSocket]], words: list[Word]) -> None:
    """Send the frames to all lines, one write for each line, and count."""
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
    """A manager whose rooms contain lines, for one namespace.

    `rooms[namespace][None]` belongs to the library and maps all socket ids to engine.io ids. The
    library's rooms with a single socket, named after it, are not stored: that map has them.
    Events in ``may_wait`` may be joined in one write (``chat.realtime.transport.coalesce``).
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
        """Encode the frame once and send it to each socket of a room. No socket delays another."""
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
        """Send all waiting frames now, because the sockets are about to be closed."""
        self._pace.hurry_all()

    def _give_room(self, room: str, words: list[Word]) -> int:
        lines = list(self._members(room).items())
        if lines:
            _give(lines, words)
        return len(lines)

    def _members(self, room: str) -> dict[str, TransportSocket]:
        """The lines of a room by socket id; empty for the own room of one socket."""
        return self.rooms.get(NAMESPACE, {}).get(room, {})

    def _line(self, eio_sid: str) -> TransportSocket | None:
        line: TransportSocket | None = self.server.eio.sockets.get(eio_sid)
        return line

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """(socket id, engine.io id) of all sockets in a room, of one socket, or of all (None)."""
        everybody = self.rooms.get(namespace, {}).get(None, {})
        if room is None:
            yield from list(everybody.items())
        elif room in everybody:
            yield room, everybody[room]
        else:
            members = self.rooms.get(namespace, {}).get(room, {})
            yield from [(sid, line.sid) for sid, line in members.items()]

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """The rooms of a socket, without its own room."""
        return list(self._rooms_of.get(sid, ()))

    def is_in(self, sid: str, room: str) -> bool:
        """Whether a socket is in a room."""
        return room in self._rooms_of.get(sid, ())

    def basic_enter_room(
        self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None
    ) -> None:
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid)
            return
        eio_sid = eio_sid or self.rooms[namespace][None][sid]
        line = self.server.eio.sockets.get(eio_sid)
        if room == sid or line is None:  # its own room, or the line is closed already
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
        """Remove a socket from its own rooms; the library would search all rooms."""
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
    """A message between processes, in the format of python-socketio. ``data`` is not decoded."""

    host_id: str
    method: Literal["emit"]
    event: str
    namespace: Literal["/"]
    room: str
    skip_sid: str | None
    data: list[msgspec.Raw]


_emitted = msgspec.json.Decoder(Emitted).decode


class QueueManager(Rooms):
    """A manager that also sends emits to the other processes, and applies theirs."""

    def __init__(
        self, channel: str = "chat:socketio", may_wait: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(may_wait)
        self.channel = channel

    @property
    def host_id(self) -> str:
        """The name of this process. It must be unique: a process ignores messages with its name."""
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
        """Send an event to a room, here at once and in other processes by Redis."""
        body, room = dump(data), to or room
        self.deliver(event, f"[{dump(event)},{body}]", namespace, room, skip_sid)
        if not ignore_queue:
            bus.publish(self.channel, self._message(event, body, namespace, room, skip_sid))

    def _message(self, event: str, body: str, *where: str | None) -> str:
        """A message in the format of python-socketio. ``receive`` needs ``host_id`` first."""
        namespace, room, skip_sid = where
        rest = {"method": "emit", "event": event, "binary": False, "namespace": namespace,
                "room": room, "skip_sid": skip_sid, "callback": None}  # fmt: skip
        return f'{{"host_id":"{self.host_id}",{dump(rest)[1:-1]},"data":[{body}]}}'

    def receive(self, body: bytes) -> None:
        """Apply another process's emit to the sockets here. Raises NotOurs for anything else."""
        if body.startswith(f'{{"host_id":"{self.host_id}"'.encode()):  # our own message
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
