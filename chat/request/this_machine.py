"""Checks whether a request was made on this machine, by a person or a program there.

The peer address alone does not prove it. A proxy on this machine also has a loopback address and
may not name its client; so does the end of a tunnel from outside.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

FORWARDED = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_FORWARDED",
    "HTTP_X_REAL_IP", "HTTP_VIA",
)  # fmt: skip


def asks(config: Mapping[str, Any], environ: Mapping[str, Any]) -> bool:
    """Whether the request is from this machine. False in production, behind a proxy, or if the
    Host header has a public name: then it cannot be known."""
    if config.get("PRODUCTION") or config.get("TRUSTED_PROXIES"):
        return False
    if any(name in environ for name in FORWARDED):
        return False
    return _is_loopback(environ.get("REMOTE_ADDR", "")) and _is_our_own(_host_of(environ))


def _host_of(environ: Mapping[str, Any]) -> str:
    """The host name of the Host header, without the port."""
    host = str(environ.get("HTTP_HOST", ""))
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_our_own(host: str) -> bool:
    return host.lower() == "localhost" or _is_loopback(host)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
