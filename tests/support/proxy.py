"""A small TCP proxy to a server, which tests can cut, stop or slow down."""

import contextlib
import socket
import threading
import time

from chat.embedded.process import LOOPBACK

CHUNK = 65_536
LOOK_SECONDS = 0.05


class Line:
    """Passes on what comes at ``port`` to the server at ``target``.

    open: passes everything. cut: connections are reset, new ones refused. stopped: connections
    are taken, and nothing passes in either direction (a hang). ``delay`` seconds are added to
    whatever is passed.
    """

    def __init__(self, target: int) -> None:
        self.target, self.delay = target, 0.0
        self._passes = threading.Event()
        self._passes.set()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let everything pass, also what has been waiting."""
        self._passes.set()
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, self.port))
        listener.listen(128)
        self._listener, self.port = listener, listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Reset what is connected and refuse what comes."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for one in self._sockets:
                _reset(one)
            self._sockets.clear()
        self._passes.set()

    def stop(self) -> None:
        """Let nothing pass, and say nothing about it."""
        self._passes.clear()

    close = cut

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((LOOPBACK, self.target), timeout=5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._sockets |= {near, far}
            for one, other in ((near, far), (far, near)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(CHUNK):
                if self.delay:
                    time.sleep(self.delay)
                self._passes.wait()
                other.sendall(data)
        for end in (one, other):
            with self._lock:
                self._sockets.discard(end)
            _reset(end)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        one.close()
