"""MongoDB as it is when it stands in another house: a TCP proxy that delays what is asked.

What the app sends is passed on so many milliseconds later, what mongod answers at once, so each
round trip takes that much longer. Connections do not wait for each other, and a connection's bytes
keep their order. It runs in a process of its own: `with Remote(Proxy) as line: line.ask("open",
...)`. Heartbeats of the driver pass here too; the address must say directConnection=true, or the
driver would learn mongod's own address and go there. `away` corrects the delay by what the way
through the proxy takes on this machine, so that the milliseconds are those that were asked for.
"""

import asyncio
import contextlib
import selectors
import threading
import time
from collections import deque
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pymongo

from benchmarks import report
from benchmarks.remote import Remote
from chat.embedded.process import LOOPBACK

OPEN_SECONDS, PINGS = 10, 60
TRIES, EXACT_MS = 5, 0.3


class Proxy:
    """Any number of delayed ways to a port."""

    def __init__(self) -> None:
        # select() waits for microseconds, the usual epoll for whole milliseconds.
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, port: int, delay_ms: float) -> int:
        """The port of a new way to `port`."""
        made = asyncio.run_coroutine_threadsafe(self._listen(port, delay_ms / 1000), self._loop)
        return made.result(OPEN_SECONDS)

    async def _listen(self, port: int, delay: float) -> int:
        def near() -> Near:
            return Near(self._loop, port, delay)

        server = await self._loop.create_server(near, LOOPBACK, 0)
        return int(server.sockets[0].getsockname()[1])


class Near(asyncio.Protocol):
    """The app's end of a connection: everything that comes waits for its time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int, delay: float) -> None:
        self._loop, self._port, self._delay = loop, port, delay
        self._waiting: deque[bytes | None] = deque()  # None: the app has closed
        self._far: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._own = transport
        transport.pause_reading()  # until there is somebody to pass it on to
        self._opening = self._loop.create_task(self._open())

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(None)

    async def _open(self) -> None:
        try:
            self._far, _ = await self._loop.create_connection(
                lambda: Far(self._own), LOOPBACK, self._port
            )
        except OSError:
            self._own.close()
            return
        self._own.resume_reading()

    def _later(self, data: bytes | None) -> None:
        # The timers only say when: what is next is said by the queue.
        self._waiting.append(data)
        self._loop.call_later(self._delay, self._pass_on)

    def _pass_on(self) -> None:
        data = self._waiting.popleft()
        if self._far is None:
            return
        if data is None:
            self._far.close()
        else:
            self._far.write(data)


class Far(asyncio.Protocol):
    """mongod's end: what comes is passed on at once."""

    def __init__(self, near: asyncio.Transport) -> None:
        self._near = near

    def data_received(self, data: bytes) -> None:
        self._near.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        with contextlib.suppress(OSError):
            self._near.close()


def away(proxy: Remote, uri: str, delay_ms: float) -> str:
    """The same database with so much added to each round trip."""
    port, near, delay = urlsplit(uri).port, _ping_ms(uri), delay_ms
    for _ in range(TRIES):
        way = through(uri, proxy.ask("open", port, delay))
        added = _ping_ms(way) - near
        if abs(added - delay_ms) < EXACT_MS:
            break
        delay = max(0.0, delay + delay_ms - added)
    report.say(f"a round trip to MongoDB takes {near:.1f} ms, through the proxy {added:.1f} more")
    return way


def _ping_ms(uri: str) -> float:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        took = []
        for _ in range(PINGS):
            began = time.monotonic()
            client.admin.command("ping")
            took.append((time.monotonic() - began) * 1000)
    return median(took)


def through(uri: str, port: int) -> str:
    """The same database, reached through this port."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=f"{LOOPBACK}:{port}"))
