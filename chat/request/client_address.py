"""Who calls, as far as the network knows: behind proxies that we trust, whom the last of them saw.

For what is bounded before a request is one; later Flask's `request.remote_addr` says the same.
"""

import ipaddress
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=2000)
def network(address: str) -> str:
    """What is counted as one caller: an IPv6 customer has a whole /64."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address


def of(environ: dict[str, Any], proxies: int) -> str:
    """The caller of a request that may have come through so many proxies (TRUSTED_PROXIES)."""
    said = environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    caller = said[-proxies].strip() if len(said) >= proxies > 0 else ""
    return network(caller or environ.get("REMOTE_ADDR") or "unknown")
