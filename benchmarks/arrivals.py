"""Very many clients that come at once."""

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from benchmarks.crowd import Client, Crowd
from benchmarks.team import Member

AT_ONCE = 16
AT_A_TIME = 64  # are let in before those who wait are looked at
ADDRESSES = tuple(f"127.0.0.{n}" for n in range(1, 6))


class Arrivals(Crowd):
    """A crowd whose handshakes are under way together."""

    def __init__(self) -> None:
        super().__init__()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def come(self, port: int, members: list[Member], seconds: float) -> tuple[int, float]:
        """One more socket for each of these people; (how many were let in, seconds it took)."""
        began, come, waiting = time.monotonic(), 0, iter(members)
        with ThreadPoolExecutor(AT_ONCE) as door:
            while some := list(islice(waiting, AT_A_TIME)):
                numbers = range(come, come + len(some))
                for client in door.map(lambda who, n: _client(port, who, n), some, numbers):
                    self._add(client)
                    come += 1
                self.pump(0)
                if time.monotonic() - began > seconds:
                    break
        return come, time.monotonic() - began


def _client(port: int, member: Member, number: int) -> Client:
    return Client(port, member, source=ADDRESSES[number % len(ADDRESSES)])
