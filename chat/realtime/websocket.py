"""The WebSocket under Socket.IO: whole frames, bounded messages, no compression, no ghosts.

simple-websocket sends with `sock.send`, which under gevent may send half a frame to a slow
reader; it takes messages of any size, and any number of them before the first is dealt with; it
never lets go of the process while a peer sends; and a broken frame kills its thread without a word.
"""

import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any

import gevent.event
import gevent.lock
import gevent.selectors
import simple_websocket
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from engineio.async_drivers.gevent import Thread

log = logging.getLogger(__name__)

MAX_MESSAGE = 64 * 1024
# Together with the grace of presence well under 45 s, and far under a router's 55 s of silence.
PING_INTERVAL, PING_TIMEOUT = 20, 15
# A peer that neither takes nor sends anything for this long is gone (it must answer our pings).
STALLED_AFTER = PING_INTERVAL + PING_TIMEOUT + 15
# Messages that may wait for being dealt with; the peer's next ones wait outside.
MOST_UNHANDLED = 32
LOOK_AGAIN = 0.01


class WholeFrames:
    """A socket whose `send` sends everything, one sender at a time, and whose `recv` takes turns.

    gevent's own `recv` gives nobody else a turn as long as there is something to read, so a peer
    that sends faster than we parse would have the process to itself.
    """

    def __init__(self, sock: Any, is_full: Callable[[], bool]) -> None:
        self._sock = sock
        self._is_full = is_full
        self._lock = gevent.lock.RLock()

    def recv(self, size: int) -> bytes:
        gevent.sleep(0)
        while self._is_full():
            gevent.sleep(LOOK_AGAIN)
        data: bytes = self._sock.recv(size)
        return data

    def send(self, data: bytes) -> int:
        with self._lock:
            self._sock.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class SafeServer(simple_websocket.Server):
    """simple-websocket's server side on such a socket."""

    sock: Any
    is_over = False  # nobody deals with messages any more: the rest is only read away

    def handshake(self) -> None:
        self.sock.settimeout(STALLED_AFTER)
        self.sock = WholeFrames(self.sock, self._is_full)
        super().handshake()

    def _is_full(self) -> bool:
        return not self.is_over and len(self.input_buffer) > MOST_UNHANDLED

    def _thread(self) -> None:
        try:
            super()._thread()
        except Exception as error:  # noqa: BLE001 - bytes that are no WebSocket protocol
            log.info("a WebSocket broke: %s", error)
            self.connected = False
            self.event.set()
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection under everybody's feet; wakes a writer stuck on a slow reader."""
        self.is_over = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class SafeWebSocket(SimpleWebSocketWSGI):
    """What engine.io upgrades a request with."""

    def __init__(self, handler: Callable[[Any], Any], server: Any) -> None:
        super().__init__(
            handler,
            server,
            thread_class=Thread,
            event_class=gevent.event.Event,
            selector_class=gevent.selectors.DefaultSelector,
            max_message_size=MAX_MESSAGE,
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        # permessage-deflate more than doubles the memory of a connection.
        environ = {k: v for k, v in environ.items() if k != "HTTP_SEC_WEBSOCKET_EXTENSIONS"}
        try:
            self.ws = SafeServer(environ, **self.server_args)
        except (simple_websocket.ConnectionError, OSError, RuntimeError) as error:
            log.info("a WebSocket handshake failed: %s", error)
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"This is a WebSocket address.\n"]
        engine_socket = self.app.__self__
        engine_socket.hang_up = self.ws.hang_up
        try:
            self.app(self)
        except Exception as error:  # noqa: BLE001 - a packet that is no engine.io: would linger as a ghost
            log.info("a socket sent nonsense: %s", error)
            engine_socket.close(wait=False, abort=True)
        self.ws.is_over = True
        if self.ws.mode == "gunicorn":
            raise StopIteration()
        return []

    def wait(self) -> Any:
        gevent.sleep(0)  # many small messages come in one piece; others have their turn in between
        return super().wait()

    def close(self) -> None:
        with contextlib.suppress(OSError, simple_websocket.ConnectionClosed):  # gone already
            super().close()


def hang_up(engine_socket: Any) -> None:
    """Drop a client that does not read: forget its queue and close the line."""
    while not engine_socket.queue.empty():
        engine_socket.queue.get_nowait()
        engine_socket.queue.task_done()
    engine_socket.close(wait=False, abort=True)
    if line := getattr(engine_socket, "hang_up", None):
        line()
