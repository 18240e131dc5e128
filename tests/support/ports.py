"""Ports for the servers of the tests.

Other workers look for some at the same time, and a server may be started again on its port. So a
port stays bound here, which keeps it from being given away; a server may listen there all the same
(Linux allows that while both sockets have SO_REUSEADDR and only one of them listens).
"""

import socket
from collections import deque

from chat.embedded.process import LOOPBACK

MOST = 300  # the oldest belong to tests that are over
_held: deque[socket.socket] = deque(maxlen=MOST)


def free_port() -> int:
    """A loopback port for whoever asked, and nobody else of this run."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((LOOPBACK, 0))
    _held.append(probe)
    return int(probe.getsockname()[1])
