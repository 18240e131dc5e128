"""Raw requests that no browser sends, over their own connection."""

import socket

from tests.support.people import Person
from tests.support.waiting import SECONDS


def ask(person: Person, path: bytes, *headers: bytes, method: bytes = b"GET") -> int:
    """The status of the answer; 0 when the server only closes the connection.

    A ``Host`` or ``Cookie`` among the headers replaces the usual one.
    """
    host, port = person.url.removeprefix("http://").split(":")
    given = {header.partition(b":")[0].lower() for header in headers}
    usual = {b"host": f"{host}:{port}".encode(), b"cookie": person.cookie.encode()}
    kept = [name + b": " + value for name, value in usual.items() if name not in given]
    lines = [method + b" " + path + b" HTTP/1.1", *kept, b"Connection: close", *headers]
    with socket.create_connection((host, int(port)), timeout=SECONDS) as line:
        line.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        first = line.makefile("rb").readline()
    return int(first.split()[1]) if first else 0
