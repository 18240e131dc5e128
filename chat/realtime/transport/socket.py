"""One open WebSocket as engine.io sees it, without a greenlet of its own.

The event loop tells when there is something to read, or room to write again. Only messages that
have to be dealt with get a greenlet, one after the other, for as long as there are any. What is
sent goes straight to the socket. What does not fit waits in a queue, and then everything later
waits behind it: bytes leave in the order in which they were given, each frame whole.
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
MESSAGE_SECONDS = 20.0  # for a message from its first byte to its last
READ_AT_ONCE = 8 * 1024
# Messages that may wait for being dealt with; the peer's next ones wait outside.
MOST_UNHANDLED = 32
# What may wait for a reader who is slow; a single answer may be bigger than all of it.
MOST_QUEUED, MOST_QUEUED_BYTES = 500, 4 * 1024 * 1024
AT_ONCE = 64  # frames in one write
LINGER = 5.0  # seconds for a peer to take the rest and say goodbye

_READ, _WRITE = 1, 2  # libev's names
_PONG = str(packet.PONG)
_PING_FRAME = frames.message(str(packet.PING))


class TransportSocket:
    """What `engineio.socket.Socket` is, for a socket whose handshake is done.

    Nothing here waits but `close`, which tells that the line is gone; `push` never raises.
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
        self.asked = self.dropped = 0  # counted by the server's guard
        self.purse: Purse | None = None  # there once something came that asks for nothing
        self.is_let_in = self.pinged = False
        # When the pulse has to look: first whether anybody has said who they are.
        self.due = time.monotonic() + min(server.ping_interval, STRANGER_SECONDS)
        self._unfinished: float | None = None  # since when a message has been coming
        self._goodbye = False  # a close frame is on its way: nothing may follow it
        self._cutter: frames.Cutter | None = frames.Cutter(MAX_MESSAGE, WORTH)
        self._inbox: deque | None = None  # there while a greenlet deals with messages
        self._queue: deque | None = None  # there while the peer is behind
        self._queued = 0  # bytes in it
        self._sock = sock
        self._writing: Any = None
        self._reading = gevent.get_hub().loop.io(sock.fileno(), _READ)
        self._reading.start(self._on_readable)

    # -- sending -----------------------------------------------------------------------------

    def push(self, frame: bytes) -> bool:
        """Send a whole frame; True if it left at once. Never waits and never raises."""
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
        """engine.io's own way to send."""
        self.push(frames.message(pkt.encode()))

    @property
    def waiting(self) -> int:
        """How many frames the peer has not taken yet."""
        return len(self._queue) if self._queue is not None else 0

    @property
    def waiting_bytes(self) -> int:
        """How many bytes that makes."""
        return self._queued

    def _keep(self, frame: bytes | memoryview) -> None:
        assert self._queue is not None
        self._queue.append(frame)
        self._queued += len(frame)
        if len(self._queue) > MOST_QUEUED or self._queued - len(frame) > MOST_QUEUED_BYTES:
            log.warning("dropped a socket with %d unread packets", len(self._queue))
            self._release()  # at once: a frame left out in the middle would be a hole
            gevent.spawn(self.hang_up)
        elif self._writing is None:
            self._writing = gevent.get_hub().loop.io(self._sock.fileno(), _WRITE)
            self._writing.start(self._on_writable)

    def _on_writable(self) -> None:
        """There is room again: the oldest first, and a part of a frame before the next one."""
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
        elif self._cutter is not None:  # else the rest is only read away
            try:
                self._cut(self._cutter, data)
            except frames.Broken as broken:
                log.info("a WebSocket broke: %s", broken)
                self._refuse(broken.code)

    def _cut(self, cutter: frames.Cutter, data: bytes) -> None:
        messages = cutter.feed(data)
        idle, cutter.idle = cutter.idle, 0
        if not messages and len(data) < WORTH:
            idle += 1  # a message in crumbs
        self._unfinished = None if cutter.is_between else self._unfinished or time.monotonic()
        if not idle or self.spend(idle):
            self._heard(messages)

    def spend(self, cost: float) -> bool:
        """Whether something of this cost may come that asks for nothing; if not, it was the last.
        Counted once for all that came together."""
        if self.server.crowd.spend(self, cost):
            return True
        self.give_up("it sends what asks for nothing, without end")
        return False

    def give_up(self, why: str) -> None:
        """Close it, with a word in the log."""
        if self._cutter is not None:
            log.info("closed a socket: %s", why)
            self._refuse(frames.UNWANTED)

    def _refuse(self, code: int) -> None:
        self._say_goodbye(code)
        self._cutter = None  # what still comes is only read away
        self._take(None)

    def _heard(self, messages: list[frames.Message]) -> None:
        ping = None  # of many that came together the last is answered (RFC 6455, 5.5.3)
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
        """Let a message be dealt with after those before it; None: there will be no more."""
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
                    gevent.sleep(0)  # many small messages come in one piece; others have a turn
        except Exception as error:  # noqa: BLE001 - a packet that is no engine.io
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
        else:  # a pong that nobody asked for, a ping, an offer to upgrade, nothing
            self.spend(1 + len(payload) / WORTH)

    # -- alive and not -----------------------------------------------------------------------

    def _ponged(self) -> None:
        self.pinged, self.due = False, time.monotonic() + self.server.ping_interval

    @property
    def is_heard(self) -> bool:
        """Whether something that it said is being dealt with, or waits for that."""
        return self._inbox is not None

    def is_silent(self) -> bool:
        """Whether it waits for nothing of ours. What came while this process was busy is heard
        first."""
        if not self.is_heard and self._sock is not None:
            self._on_readable()
        return not self.is_heard

    def make_way(self) -> None:
        """Close it at once, for another one. Only while it is silent: nobody is at work for it."""
        log.info("closed a socket: another one has come, and nobody has said who they are")
        self._say_goodbye(frames.UNWANTED)
        self.hang_up()

    def look(self, now: float) -> None:
        """Called by the pulse once it is ``due``: time for a ping, or no answer to the last."""
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
        """Whoever said something may have to wait for us; silence is no reason to stay."""
        self.due = now + 1.0
        if self.is_silent() and not self.is_let_in:
            self.give_up("nobody has said who they are")

    def check_ping_timeout(self) -> bool:
        """The pulse does it."""
        return not self.closed

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Tell the handlers, then the peer, and let go; ``wait`` until the peer has taken it."""
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
        """Drop a peer at once, whatever it has not read."""
        self._release()
        self.close(wait=False, abort=True)

    def _say_goodbye(self, code: int) -> None:
        self.push(frames.close(code))
        self._goodbye = True

    def _lost(self) -> None:
        """The peer is gone, or wants to go: nothing more to read, the handlers have to know."""
        if self.closed:
            self._release()
        elif self._reading is not None:
            self._reading.stop()
            self._reading.close()
            self._reading, self._cutter = None, None
            self._take(None)

    def _release(self) -> None:
        """Give everything back; the line itself may not know yet that it is closed."""
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
