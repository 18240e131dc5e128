"""The Socket.IO server: only events we know, and one socket's messages in the order they came."""

import logging
from collections import deque
from typing import Any

import gevent
import socketio

log = logging.getLogger(__name__)

ORDERED = "message:"  # events of this family wait for each other
MOST_WAITING = 50


class GuardedServer(socketio.Server):
    """Drops what a browser cannot have meant, before a handler sees it.

    A client may name any event, `connect` and `disconnect` too, and python-socketio would call
    those handlers. Each other event gets a greenlet of its own, so that a slow one delays nobody;
    a socket's `message:*` events share one, or they would overtake each other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lanes: dict[str, deque] = {}

    def _handle_event(self, eio_sid: str, namespace: str, id: int | None, data: Any) -> None:
        if not self._is_event(data, namespace):
            log.info("dropped a malformed or reserved event")
        elif data[0].startswith(ORDERED):
            self._queue(eio_sid, namespace or "/", id, data)
        else:
            super()._handle_event(eio_sid, namespace, id, data)

    def _handle_eio_disconnect(self, eio_sid: str, reason: Any) -> None:
        super()._handle_eio_disconnect(eio_sid, reason)
        self._lanes.pop(eio_sid, None)

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
        if not self.manager.is_connected(sid, namespace):
            return
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
