"""Very many clients that come at once."""

import resource
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from benchmarks.crowd import Client, Crowd
from benchmarks.team import Member

AT_ONCE = 16
LOOKED_AFTER = 64  # have come: then those who came before are listened to
ADDRESSES = tuple(f"127.0.0.{n}" for n in range(1, 6))


class Handshakes(Crowd):
    """A crowd whose handshakes are under way together."""

    def __init__(self) -> None:
        super().__init__()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def come(self, port: int, members: list[Member], seconds: float) -> tuple[int, float]:
        """One more socket for each of these people; (how many were let in, seconds it took)."""
        began, before = time.monotonic(), len(self._clients)
        under_way: deque[Future[Client]] = deque()
        with ThreadPoolExecutor(AT_ONCE) as door:
            for number, member in enumerate(members):
                under_way.append(door.submit(client_of, port, member, number))
                if len(under_way) > 2 * AT_ONCE:
                    self._add(under_way.popleft().result())
                if number % LOOKED_AFTER == 0:
                    self.pump(0)
                if time.monotonic() - began > seconds:
                    break
            for one in under_way:
                self._add(one.result())
        return len(self._clients) - before, time.monotonic() - began


def client_of(port: int, member: Member, number: int) -> Client:
    """A client whose handshake is done, from one of several addresses."""
    return Client(port, member, source=ADDRESSES[number % len(ADDRESSES)])
