"""One open WebSocket (a "line"), with the interface of an engine.io socket but no greenlet.

The event loop calls the line when it can read or write. A greenlet exists only while there are
messages to handle; it handles them one after the other. Frames are written directly to the socket.
If one does not fit, it waits in a queue, and all later frames wait behind it. So frames leave in
order and whole.
"""

import logging
import time
from collections import deque
from itertools import islice
from typing import Any

import gevent
from engineio import packet

from chat.realtime.transport import frames
from chat.realtime.transport.quotas import STRANGER_SECONDS, WORTH, Purse

log = logging.getLogger(__name__)

MAX_MESSAGE = 64 * 1024
MESSAGE_SECONDS = 20.0  # the most from the first byte of a message to its last
READ_AT_ONCE = 8 * 1024
# Received messages that may wait for their handler. Then the line stops reading.
MOST_UNHANDLED = 32
# Frames and bytes that may wait for a slow reader. A single bigger frame is allowed, too.
MOST_QUEUED, MOST_QUEUED_BYTES = 500, 4 * 1024 * 1024
AT_ONCE = 64  # frames in one write
LINGER = 5.0  # seconds for a peer to read the rest and close

_READ, _WRITE = 1, 2  # EV_READ and EV_WRITE of libev
_PONG = str(packet.PONG)
_PING_FRAME = frames.message(str(packet.PING))


class TransportSocket:
    """Replaces `engineio.socket.Socket` for a socket whose handshake is done.

    No method blocks except `close`, which runs the disconnect handler. `push` never raises.
    """

    __slots__ = ("_cutter", "_goodbye", "_inbox", "_queue", "_queued", "_reading", "_sock",
                 "_unfinished", "_writing", "address", "asked", "closed", "closing", "connected",
                 "dropped", "due", "is_let_in", "pinged", "purse", "server", "session", "sid",
                 "upgraded", "upgrading")  # fmt: skip

    def __init__(self, server: Any, sid: str, sock: Any, address: str = "") -> None:
        self.server, self.sid, self.address = server, sid, address
        self.connected = self.upgraded = True
        self.upgrading = self.closing = self.closed = False
        self.session: dict[str, Any] = {}
        self.asked = self.dropped = 0  # counted by ``GuardedServer``
        self.purse: Purse | None = None  # made with the first idle frame
        self.is_let_in = self.pinged = False
        # When the pulse calls ``look``; the first time to check the authentication.
        self.due = time.monotonic() + min(server.ping_interval, STRANGER_SECONDS)
        self._unfinished: float | None = None  # when the incomplete message began
        self._goodbye = False  # a close frame was sent: no frame may follow it
        self._cutter: frames.Cutter | None = frames.Cutter(MAX_MESSAGE, WORTH)
        self._inbox: deque | None = None  # exists while a greenlet handles messages
        self._queue: deque | None = None  # exists while frames wait for the peer
        self._queued = 0  # bytes in the queue
        self._sock = sock
        self._writing: Any = None
        self._reading = gevent.get_hub().loop.io(sock.fileno(), _READ)
        self._reading.start(self._on_readable)

    # -- sending -----------------------------------------------------------------------------

    def push(self, frame: bytes) -> bool:
        """Send a whole frame; True if it was sent at once. Never waits and never raises."""
        if self._sock is None or self._goodbye:
            return False
        if self._queue is not None:
            self._keep(frame)
            return False
        try:
            sent = self._sock.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lost()
            return False
        if sent == len(frame):
            return True
        self._queue = deque()
        self._keep(memoryview(frame)[sent:])
        return False

    def send(self, pkt: packet.Packet) -> None:
        """Send an engine.io packet; the engine.io server calls it."""
        self.push(frames.message(pkt.encode()))

    @property
    def waiting(self) -> int:
        """The number of frames that wait for the peer."""
        return len(self._queue) if self._queue is not None else 0

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes that wait for the peer."""
        return self._queued

    def _keep(self, frame: bytes | memoryview) -> None:
        assert self._queue is not None
        self._queue.append(frame)
        self._queued += len(frame)
        if len(self._queue) > MOST_QUEUED or self._queued - len(frame) > MOST_QUEUED_BYTES:
            log.warning("dropped a socket with %d unread packets", len(self._queue))
            self._release()  # a dropped frame would leave a gap
            gevent.spawn(self.hang_up)
        elif self._writing is None:
            self._writing = gevent.get_hub().loop.io(self._sock.fileno(), _WRITE)
            self._writing.start(self._on_writable)

    def _on_writable(self) -> None:
        """Send waiting frames, the oldest first; finish a partly sent frame before the next."""
        queue = self._queue
        if queue is None or self._sock is None:
            return
        try:
            sent = self._sock.sendmsg(list(islice(queue, AT_ONCE)))
        except BlockingIOError:
            return
        except OSError:
            self._lost()
            return
        self._queued -= sent
        while sent and sent >= len(queue[0]):
            sent -= len(queue.popleft())
        if sent:
            queue[0] = memoryview(queue[0])[sent:]
        if not queue:
            self._queue = None
            self._stop_writing()

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.stop()
            self._writing.close()
            self._writing = None

    # -- receiving ---------------------------------------------------------------------------

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
        elif self._cutter is not None:  # else the data is read and ignored
            try:
                self._cut(self._cutter, data)
            except frames.Broken as broken:
                log.info("a WebSocket broke: %s", broken)
                self._refuse(broken.code)

    def _cut(self, cutter: frames.Cutter, data: bytes) -> None:
        messages = cutter.feed(data)
        idle, cutter.idle = cutter.idle, 0
        if not messages and len(data) < WORTH:
            idle += 1  # a small piece of a frame
        self._unfinished = None if cutter.is_between else self._unfinished or time.monotonic()
        if not idle or self.spend(idle):
            self._heard(messages)

    def spend(self, cost: float) -> bool:
        """Take the cost of idle frames from the quota. If it is used up, closes the line: False."""
        if self.server.crowd.spend(self, cost):
            return True
        self.give_up("it sends what asks for nothing, without end")
        return False

    def give_up(self, why: str) -> None:
        """Close the line and log the reason."""
        if self._cutter is not None:
            log.info("closed a socket: %s", why)
            self._refuse(frames.UNWANTED)

    def _refuse(self, code: int) -> None:
        self._say_goodbye(code)
        self._cutter = None  # later data is read and ignored
        self._take(None)

    def _heard(self, messages: list[frames.Message]) -> None:
        ping = None  # of several pings only the last is answered (RFC 6455, 5.5.3)
        for kind, payload in messages:
            if kind == frames.PING:
                ping = payload
            elif kind == frames.CLOSE:
                self._say_goodbye(frames.NORMAL)
                self._lost()
                return
            elif payload == _PONG and self.pinged:
                self._ponged()
            elif kind != frames.PONG:
                self._take(payload)
        if ping is not None:
            self.push(frames.frame(frames.PONG, ping))  # type: ignore[arg-type]

    def _take(self, payload: str | bytes | None) -> None:
        """Queue a received message for its handler. None means that the peer is gone."""
        if self._inbox is not None:
            self._inbox.append(payload)
        elif not self.closed:
            self._inbox = deque([payload])
            gevent.spawn(self._work)
        if self._inbox is not None and len(self._inbox) > MOST_UNHANDLED and self._reading:
            self._reading.stop()

    def _work(self) -> None:
        inbox = self._inbox
        assert inbox is not None
        try:
            while inbox and not self.closed:
                payload = inbox.popleft()
                if payload is None:
                    self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
                else:
                    self._receive(payload)
                if inbox:
                    gevent.sleep(0)  # after each of many small messages let others run
        except Exception as error:  # noqa: BLE001 - an invalid engine.io packet
            log.info("a socket sent nonsense: %s", type(error).__name__)
            self.close(wait=False, abort=True)
        finally:
            self._inbox = None
            if self._reading is not None and not self._reading.active:
                self._reading.start(self._on_readable)

    def _receive(self, payload: str | bytes) -> None:
        pkt = packet.Packet(encoded_packet=payload)
        if pkt.packet_type == packet.MESSAGE:
            self.server._trigger_event("message", self.sid, pkt.data, run_async=False)
        elif pkt.packet_type == packet.CLOSE:
            self.close(wait=False, abort=True, reason=self.server.reason.CLIENT_DISCONNECT)
        else:  # an unexpected pong, a ping, an upgrade or a noop
            self.spend(1 + len(payload) / WORTH)

    # -- alive and not -----------------------------------------------------------------------

    def _ponged(self) -> None:
        self.pinged, self.due = False, time.monotonic() + self.server.ping_interval

    @property
    def is_heard(self) -> bool:
        """Whether a message of the peer is being handled or waits for it."""
        return self._inbox is not None

    def is_silent(self) -> bool:
        """Whether no message waits. First reads data that came while this process was busy."""
        if not self.is_heard and self._sock is not None:
            self._on_readable()
        return not self.is_heard

    def make_way(self) -> None:
        """Close at once to make room for another line. Only while ``is_silent``."""
        log.info("closed a socket: another one has come, and nobody has said who they are")
        self._say_goodbye(frames.UNWANTED)
        self.hang_up()

    def look(self, now: float) -> None:
        """Check the line; the pulse calls it when ``due``. Sends a ping, or closes a dead line."""
        if self.closed:
            self._release()
        elif self._unfinished is not None and now - self._unfinished > MESSAGE_SECONDS:
            self.give_up("it does not finish what it says")
        elif not self.is_let_in:
            self._look_at_stranger(now)
        elif self.pinged:
            self.due = now + LINGER
            gevent.spawn(self.close, wait=False, reason=self.server.reason.PING_TIMEOUT)
        else:
            self.pinged, self.due = True, now + self.server.ping_timeout
            self.push(_PING_FRAME)

    def _look_at_stranger(self, now: float) -> None:
        """Close an unauthenticated line if it is silent. If it is not, its answer may be late."""
        self.due = now + 1.0
        if self.is_silent() and not self.is_let_in:
            self.give_up("nobody has said who they are")

    def check_ping_timeout(self) -> bool:
        """Whether the line is open. The timeout itself is checked by ``look``."""
        return not self.closed

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Run the disconnect handlers, tell the peer, close; ``wait`` until the queue is sent."""
        if self.closed or self.closing:
            return
        self.closing = True
        self.server._trigger_event(
            "disconnect", self.sid, reason or self.server.reason.SERVER_DISCONNECT, run_async=False
        )
        if not abort:
            self.send(packet.Packet(packet.CLOSE))
        self._say_goodbye(frames.NORMAL)
        self.closed, self._cutter, self.due = True, None, time.monotonic() + LINGER
        self.server.has_closed(self)
        if self._reading is None:  # the peer is gone
            self._release()
        elif not self._reading.active:
            self._reading.start(self._on_readable)
        while wait and self._queue is not None and self._sock is not None:
            gevent.sleep(0.01)

    def hang_up(self) -> None:
        """Close at once and drop all unsent frames."""
        self._release()
        self.close(wait=False, abort=True)

    def _say_goodbye(self, code: int) -> None:
        self.push(frames.close(code))
        self._goodbye = True

    def _lost(self) -> None:
        """Stop reading after the peer has closed, and let the disconnect handlers run."""
        if self.closed:
            self._release()
        elif self._reading is not None:
            self._reading.stop()
            self._reading.close()
            self._reading, self._cutter = None, None
            self._take(None)

    def _release(self) -> None:
        """Close the socket and free all buffers. ``closed`` may still be False afterwards."""
        sock, self._sock = self._sock, None
        self._stop_writing()
        if self._reading is not None:
            self._reading.stop()
            self._reading.close()
            self._reading = None
        self._queue, self._queued, self._cutter = None, 0, None
        if sock is not None:
            sock.close()
        self.server.has_gone(self)
