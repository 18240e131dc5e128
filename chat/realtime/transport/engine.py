"""The engine.io server: WebSocket connections ("lines") only, one greenlet pings all of them."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import engineio
import gevent
from engineio import packet

from chat.realtime.transport import handshake
from chat.realtime.transport.quotas import RETURN_SECONDS, Crowd, FullThere, SocketsFull, Trust
from chat.realtime.transport.socket import MAX_MESSAGE, TransportSocket
from chat.request import client_address

log = logging.getLogger(__name__)

PULSE = 1.0  # seconds
# The parts of the handshake's environment that events need. The rest is not kept.
REMEMBERED = (
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
    "SERVER_PROTOCOL", "REMOTE_ADDR", "HTTP_HOST", "HTTP_COOKIE", "HTTP_USER_AGENT",
    "HTTP_ACCEPT_LANGUAGE", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REQUEST_ID",
    "wsgi.url_scheme", "flask.app",
)  # fmt: skip


class LineServer(engineio.Server):
    """An engine.io server without a greenlet for each socket and each ping."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: set[TransportSocket] = set()  # closed here, but not yet by the peer
        self._pulse: gevent.Greenlet | None = None
        self.crowd = Crowd()
        self.proxies = 0  # the number of proxies in front of us (TRUSTED_PROXIES)
        # How much to trust a handshake by its cookies, before Redis or MongoDB is asked.
        self.trust: Callable[[dict[str, Any]], Trust] = lambda environ: Trust.NONE

    def _handle_connect(
        self, environ: dict[str, Any], start_response: Any, transport: str, jsonp_index: Any = None
    ) -> Iterable[bytes]:
        """Upgrade a request. Then the event loop owns the connection, not gunicorn."""
        address = client_address.of(environ, self.proxies)
        trust = self.trust(environ)
        try:
            if not self.crowd.admits(address) and trust is not Trust.KNOWN:
                raise FullThere
            other = self.crowd.who_makes_way(address, trust, len(self.sockets))
        except FullThere:
            start_response("429 Too Many Requests", [("Retry-After", "10")])
            return [b"There are too many connections from your address.\n"]
        except SocketsFull:
            log.warning("%d sockets are open: one more was refused", len(self.sockets))
            start_response("503 Service Unavailable", [("Retry-After", "30")])
            return [b"There are too many connections.\n"]
        try:
            sock = handshake.accept(environ)
        except (handshake.Refused, OSError) as error:
            log.info("a WebSocket handshake failed: %s", error)
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"This is a WebSocket address.\n"]
        if self._pulse is None or self._pulse.dead:  # started after the fork, with the first line
            self._pulse = gevent.spawn(self._beat)
        if other is not None:
            other.make_way()
        line = TransportSocket(self, self.generate_id(), sock, address)
        self.sockets[line.sid] = line
        if trust is Trust.KNOWN:
            line.due = time.monotonic() + RETURN_SECONDS
        self.crowd.came(line, trust)
        line.send(packet.Packet(packet.OPEN, self._terms(line.sid)))
        self._trigger_event("connect", line.sid, remembered(environ), run_async=False)
        raise StopIteration  # tells gunicorn that it does not own the connection any more

    def _terms(self, sid: str) -> dict[str, Any]:
        return {
            "sid": sid,
            "upgrades": [],
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int(self.ping_interval * 1000),
            "maxPayload": MAX_MESSAGE,
        }

    def _beat(self) -> None:
        while True:
            gevent.sleep(PULSE)
            now = time.monotonic()
            try:
                for line in [*self.sockets.values(), *self._leaving]:
                    if line.due <= now:
                        line.look(now)
            except Exception:
                log.exception("the pulse of the sockets missed a beat")

    def let_in(self, line: TransportSocket) -> None:
        """Mark a line as authenticated."""
        if not line.is_let_in:
            line.is_let_in, line.due = True, time.monotonic() + self.ping_interval
            self.crowd.let_in(line)

    def has_closed(self, line: TransportSocket) -> None:
        """Remove a line that was closed here; its peer may still have to close it."""
        self.crowd.went(line)
        self._leaving.add(line)
        self.sockets.pop(line.sid, None)

    def has_gone(self, line: TransportSocket) -> None:
        """Forget a line whose connection is closed on both sides."""
        self._leaving.discard(line)


def remembered(environ: dict[str, Any]) -> dict[str, Any]:
    """The parts of an environment that are kept. Equal strings share memory."""
    kept = {name: environ[name] for name in REMEMBERED if name in environ}
    return {name: _once(value) if type(value) is str else value for name, value in kept.items()}


@lru_cache(maxsize=1000)
def _once(text: str) -> str:
    """The first of equal strings. Not ``sys.intern``: some Python versions never free those."""
    return text
