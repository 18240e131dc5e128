"""The client's network address; behind trusted proxies, the address that they report.

For limits that apply before Flask handles the request. Later `request.remote_addr` is the same.
"""

import ipaddress
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=2000)
def network(address: str) -> str:
    """The address to count as one client: for IPv6 the /64 network, which one customer owns."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address


def of(environ: dict[str, Any], proxies: int) -> str:
    """The client of a request. ``proxies``: the number of trusted proxies (TRUSTED_PROXIES)."""
    said = environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    caller = said[-proxies].strip() if len(said) >= proxies > 0 else ""
    return network(caller or environ.get("REMOTE_ADDR") or "unknown")
