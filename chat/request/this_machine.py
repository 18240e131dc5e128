"""Whether a request was made on this machine, by a person or a program there.

The address of the peer alone does not say so. A proxy on this machine has a loopback address as
well, and need not say for whom it asks; a tunnel from outside ends here, too.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

FORWARDED = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_FORWARDED",
    "HTTP_X_REAL_IP", "HTTP_VIA",
)  # fmt: skip


def asks(config: Mapping[str, Any], environ: Mapping[str, Any]) -> bool:
    """False where it cannot be told: in production, behind a proxy, under a public name."""
    if config.get("PRODUCTION") or config.get("TRUSTED_PROXIES"):
        return False
    if any(name in environ for name in FORWARDED):
        return False
    return _is_loopback(environ.get("REMOTE_ADDR", "")) and _is_our_own(_host_of(environ))


def _host_of(environ: Mapping[str, Any]) -> str:
    """The name under which we were called, without the port."""
    host = str(environ.get("HTTP_HOST", ""))
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_our_own(host: str) -> bool:
    return host.lower() == "localhost" or _is_loopback(host)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
