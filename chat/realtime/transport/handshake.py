"""The WebSocket handshake (RFC 6455, no extensions), which takes the connection from gunicorn.

The library used by Flask-SocketIO needs two greenlets and a protocol object for each socket, and
encodes each message again for each socket. `chat.realtime.transport.socket` does not.
"""

import _socket
import base64
import binascii
import contextlib
import hashlib
import socket
import ssl
from typing import Any

# Seconds. The sum with the grace time of presence must stay under 45 s, and PING_INTERVAL under the
# 55 s of silence after which some routers drop a connection.
PING_INTERVAL, PING_TIMEOUT = 20, 15

_KEY_BYTES = 16
_ALWAYS_THE_SAME = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


class Refused(Exception):
    """The request is no valid handshake, or its connection cannot be taken over."""


def accept(environ: dict[str, Any]) -> Any:
    """Answer a handshake; the connection as a plain non-blocking socket. Raises Refused.

    The web server does not own the connection any more.
    """
    answer = _answer(environ)
    held = environ.get("gunicorn.socket")
    if held is None or isinstance(held, ssl.SSLSocket):
        raise Refused("the web server does not hand the connection over")
    # A gevent socket would add two watchers and block in calls that must not block.
    sock = _socket.socket(fileno=held.detach())
    try:
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # not over a Unix socket
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sock.send(answer) != len(answer):
            raise Refused("the connection does not take the answer")
    except BaseException:
        sock.close()
        raise
    return sock


def _answer(environ: dict[str, Any]) -> bytes:
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "").encode("latin-1")
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION", "")
    asked = environ.get("HTTP_CONNECTION", "").lower().split(",")
    try:
        whole = len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        whole = False
    if not whole or version != "13" or "upgrade" not in [word.strip() for word in asked]:
        raise Refused("not a handshake")
    proof = base64.b64encode(hashlib.sha1(key + _ALWAYS_THE_SAME, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )
