"""The Socket.IO server: refuses unknown events, handles the messages of a socket in order."""

import logging
from collections import deque
from typing import Any

import gevent
import socketio
from socketio import packet

from chat.realtime.transport.engine import LineServer

log = logging.getLogger(__name__)

ORDERED = "message:"  # events with this prefix are handled one after the other, for each socket
MOST_WAITING = 50
MOST_ASKED = 20  # CONNECT packets on one line
MOST_DROPPED = 100  # meaningless packets on one line; our browser code sends none
# No ACK: the server never asks a browser for an acknowledgement.
KINDS = (packet.CONNECT, packet.DISCONNECT, packet.EVENT)


class NoPacket(Exception):
    """A packet that our browser code never sends."""


class Packet(packet.Packet):  # type: ignore[misc]
    """A text packet. Binary ones are refused: the library would collect all announced parts."""

    def decode(self, encoded_packet: Any) -> int:
        try:
            parts: int = super().decode(encoded_packet)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise NoPacket from None
        if self.packet_type not in KINDS or not isinstance(encoded_packet, str):
            raise NoPacket
        return parts


class GuardedServer(socketio.Server):
    """Drops invalid packets before a handler sees them.

    A client may send any event name, even `connect` and `disconnect`, and python-socketio would
    call those handlers. Each valid event gets its own greenlet, so that a slow event delays no
    other. The `message:*` events of one socket share a greenlet, so that they stay in order.
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
        except NoPacket:  # the library would log each one with a traceback
            self._counted(eio_sid, "dropped")

    def _handle_connect(self, eio_sid: str, namespace: str, data: Any) -> None:
        if self._counted(eio_sid, "asked") <= MOST_ASKED:
            super()._handle_connect(eio_sid, namespace, data)
            line = self.eio.sockets.get(eio_sid)
            if line is not None and self._is_in(eio_sid, namespace):
                self.eio.let_in(line)

    def _handle_disconnect(self, eio_sid: str, namespace: str, reason: Any = None) -> None:
        if not self._is_in(eio_sid, namespace):  # also if the line is closed already
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
        """Count ``what`` for one line; the new count. Closes the line if it is over the limit.

        Logs only the closing, because the sender may have no account and could fill the log.
        """
        line = self.eio.sockets.get(eio_sid)
        if line is None:  # the line was closed before this packet was handled
            return MOST_ASKED + 1
        count: int = getattr(line, what) + 1
        setattr(line, what, count)
        if count == (MOST_ASKED if what == "asked" else MOST_DROPPED) + 1:
            log.info("closed a line that sends nonsense")
            line.hang_up()
        return count

    def _is_in(self, eio_sid: str, namespace: str | None) -> bool:
        """Whether the line is authenticated."""
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
            refused = [*data[:1], *data[1:2], True]  # the third item tells the handler to refuse
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
