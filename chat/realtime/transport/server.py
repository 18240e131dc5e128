"""The Socket.IO server: only events we know, and one socket's messages in the order they came."""

import logging
from collections import deque
from typing import Any

import gevent
import socketio
from socketio import packet

from chat.realtime.transport.engine import LineServer

log = logging.getLogger(__name__)

ORDERED = "message:"  # events of this family wait for each other
MOST_WAITING = 50
MOST_ASKED = 20  # times that one line may ask to be let in
MOST_DROPPED = 100  # packets that mean nothing: no browser of ours sends any
# Not ACK: nobody here asks a browser to confirm anything.
KINDS = (packet.CONNECT, packet.DISCONNECT, packet.EVENT)


class NoPacket(Exception):
    """What no browser of ours sends."""


class Packet(packet.Packet):  # type: ignore[misc]
    """Text alone: of a binary packet the library would gather as many parts as it announces."""

    def decode(self, encoded_packet: Any) -> int:
        try:
            parts: int = super().decode(encoded_packet)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise NoPacket from None
        if self.packet_type not in KINDS or not isinstance(encoded_packet, str):
            raise NoPacket
        return parts


class GuardedServer(socketio.Server):
    """Drops what a browser cannot have meant, before a handler sees it.

    A client may name any event, `connect` and `disconnect` too, and python-socketio would call
    those handlers. Each other event gets a greenlet of its own, so that a slow one delays nobody;
    a socket's `message:*` events share one, or they would overtake each other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lanes: dict[str, deque] = {}
        self.packet_class = Packet

    def _engineio_server_class(self) -> type[LineServer]:
        return LineServer

    def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            super()._handle_eio_message(eio_sid, data)
        except NoPacket:  # the library would log each with its whole way
            self._counted(eio_sid, "dropped")

    def _handle_connect(self, eio_sid: str, namespace: str, data: Any) -> None:
        if self._counted(eio_sid, "asked") <= MOST_ASKED:
            super()._handle_connect(eio_sid, namespace, data)
            line = self.eio.sockets.get(eio_sid)
            if line is not None and self._is_in(eio_sid, namespace):
                self.eio.let_in(line)

    def _handle_disconnect(self, eio_sid: str, namespace: str, reason: Any = None) -> None:
        if not self._is_in(eio_sid, namespace):  # also of a line that is closed
            self._counted(eio_sid, "dropped")
        super()._handle_disconnect(eio_sid, namespace, reason)

    def _handle_event(self, eio_sid: str, namespace: str, id: int | None, data: Any) -> None:
        if not self._is_event(data, namespace) or not self._is_in(eio_sid, namespace):
            self._counted(eio_sid, "dropped")
        elif data[0].startswith(ORDERED):
            self._queue(eio_sid, namespace or "/", id, data)
        else:
            super()._handle_event(eio_sid, namespace, id, data)

    def _handle_eio_disconnect(self, eio_sid: str, reason: Any) -> None:
        super()._handle_eio_disconnect(eio_sid, reason)
        self._lanes.pop(eio_sid, None)

    def _counted(self, eio_sid: str, what: str) -> int:
        """How often one line has done this; too often, and it is closed. Never a log line each:
        whoever sends these need not even have an account."""
        line = self.eio.sockets.get(eio_sid)
        if line is None:  # closed, and this was still on its way
            return MOST_ASKED + 1
        count: int = getattr(line, what) + 1
        setattr(line, what, count)
        if count == (MOST_ASKED if what == "asked" else MOST_DROPPED) + 1:
            log.info("closed a line that sends nonsense")
            line.hang_up()
        return count

    def _is_in(self, eio_sid: str, namespace: str | None) -> bool:
        """Whether somebody has been let in on this line."""
        namespace = namespace or "/"
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        return bool(self.manager.is_connected(sid, namespace))

    def _is_event(self, data: Any, namespace: str | None) -> bool:
        return (
            isinstance(data, list)
            and len(data) in (1, 2)
            and isinstance(data[0], str)
            and data[0] not in self.reserved_events
            and data[0] in self.handlers.get(namespace or "/", {})
        )

    def _queue(self, eio_sid: str, namespace: str, id: int | None, data: list) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        lane = self._lanes.get(eio_sid)
        if lane is not None and len(lane) >= MOST_WAITING:
            refused = [*data[:1], *data[1:2], True]  # handlers know: do nothing but refuse
            self.start_background_task(
                self._handle_event_internal, self, sid, eio_sid, refused, namespace, id
            )
        elif lane is not None:
            lane.append((sid, namespace, id, data))
        else:
            self._lanes[eio_sid] = deque([(sid, namespace, id, data)])
            gevent.spawn(self._run_lane, eio_sid)

    def _run_lane(self, eio_sid: str) -> None:
        lane = self._lanes[eio_sid]
        while lane and self._lanes.get(eio_sid) is lane:
            sid, namespace, id, data = lane[0]
            try:
                self._handle_event_internal(self, sid, eio_sid, data, namespace, id)
            except Exception:
                log.exception("an event could not be handled")
            if lane:
                lane.popleft()
        if self._lanes.get(eio_sid) is lane:
            del self._lanes[eio_sid]
