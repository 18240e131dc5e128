"""Addresses as settings: checked as strictly as the libraries need it, shown without a secret.

A password that is not percent-encoded moves the borders of an address: its parts become host,
port, path or option, and turn up wherever those are told. So an address that could be read in two
ways is refused, and what is refused is repeated only if it has no place for a password.
"""

import inspect
import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from chat.config.parsers import ConfigError, Kind, Unusable

ENCODE = "percent-encode what is special in user and password (@ is %40, : %3A, / %2F, # %23)"
SCHEMES = {"mongodb", "mongodb+srv", "redis", "rediss", "unix", "http", "https"}
PLACE = re.compile(r"(?P<host>[\w.%-]+|\[[\w:.%-]+\])?(:(?P<port>\d{1,5}))?")
SIMPLE_PATH = re.compile(r"(/[\w.-]*)?")
DATABASE = re.compile(r"/?\d{0,9}")


def mongodb(example: str) -> Kind:
    return _kind(("mongodb", "mongodb+srv"), example, _mongodb)


def redis(example: str) -> Kind:
    return _kind(("redis", "rediss", "unix"), example, _redis)


def web_site(example: str) -> Kind:
    """Where people reach the site: everybody is told. In one spelling, so that it can be
    compared."""
    return _kind(("http", "https"), example, _web_site)


def web_hook(example: str) -> Kind:
    """Whatever somebody else's server calls its address; it is a secret as a whole."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # a port that is no number raises here
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
        return text

    return Kind(parse, f"an address such as {example}", _shown)


def _listen(text: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    if ":" in host:
        IPv6Address(host)
    elif not re.fullmatch(r"[\w.-]+", host):
        raise ValueError
    return host


LISTEN = Kind(_listen, "an address of this machine such as 127.0.0.1, 0.0.0.0, ::1 or ::")


def host_and_port(host: str, port: int) -> str:
    """Both in one text, also for IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def mongodb_refused(uri: str) -> ConfigError:
    """The driver makes no client of it. With mongodb+srv:// DNS says who the members are."""
    if not uri.startswith("mongodb+srv:"):
        return ConfigError("MONGODB_URI has an option with a value that cannot be used.")
    host = urlsplit(uri).hostname
    return ConfigError(
        f"MONGODB_URI names {host}, for which no members are found (DNS, SRV records): correct the "
        "name, or give mongodb:// with the members themselves."
    )


def _kind(schemes: tuple[str, ...], example: str, check: Callable[[SplitResult], str]) -> Kind:
    def parse(text: str) -> str:
        parts = _taken_apart(text)
        if parts.scheme not in schemes:
            raise ValueError
        return parts.scheme + check(parts)[len(parts.scheme) :]

    return Kind(parse, f"an address such as {example}", _shown)


def _taken_apart(text: str) -> SplitResult:
    """The parts, where there is only one way to see them."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Unusable(ENCODE) from None
    behind = text.partition("://")[2][len(parts.netloc) :]
    ambiguous = "@" in behind or "#" in text or parts.netloc.count("@") > 1
    if ambiguous or not text.isprintable() or re.search(r"[\s\\]", text):
        raise Unusable(ENCODE)
    return parts


def _shown(text: str) -> str:
    """What a message may repeat: all of a plain address, else the scheme alone."""
    scheme, _, rest = text.partition("://")
    if not rest or scheme.lower() not in SCHEMES:
        return "…"
    places, slash, path = rest.partition("/")
    usual = DATABASE if scheme.startswith("redis") else SIMPLE_PATH
    # Only MongoDB has members; elsewhere a comma is part of a password that was not encoded.
    hosts = places.split(",") if scheme.startswith("mongodb") else [places]
    plain = usual.fullmatch(slash + path) and all(map(_is_place, hosts))
    return text if plain else f"{scheme}://…"


def _mongodb(parts: SplitResult) -> str:
    credentials, _, places = parts.netloc.rpartition("@")
    if credentials.count(":") > 1 or re.search(r"%(?![0-9A-Fa-f]{2})", credentials):
        raise Unusable(ENCODE)
    ports = [_port(place) for place in places.split(",")]
    if parts.scheme == "mongodb+srv" and ports != [None]:
        raise Unusable("with mongodb+srv it must name one host and no port")
    return parts.geturl()


def _redis(parts: SplitResult) -> str:
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError
    else:
        place = parts.netloc.rpartition("@")[2]
        if not parts.netloc:
            raise ValueError
        _port(place if place.strip(":0123456789") else f"localhost{place}")
        if not DATABASE.fullmatch(parts.path):
            raise Unusable("what follows the port must be the number of a database, such as /0")
    url = f"{parts.scheme}://{parts.netloc}{parts.path}" + (parts.query and f"?{parts.query}")
    _check_options(parts.scheme, url)
    return url


def _check_options(scheme: str, url: str) -> None:
    """The library would stumble over one that it does not know at the first connection."""
    from redis.connection import parse_url

    try:
        given = parse_url(url)
    except ValueError:
        raise Unusable("an option in it has a value that cannot be used") from None
    for name in set(given) - _redis_options(scheme):
        raise Unusable(f"there is no option {name if name.isidentifier() else '…'}")


@lru_cache(maxsize=3)
def _redis_options(scheme: str) -> set[str]:
    """The names of what a connection and its pool take."""
    from redis import connection as library

    classes = {"rediss": library.SSLConnection, "unix": library.UnixDomainSocketConnection}
    kinds = (classes.get(scheme, library.Connection), library.BlockingConnectionPool)
    makers = [base.__init__ for kind in kinds for base in kind.__mro__]  # type: ignore[misc]
    names = {name for maker in makers for name in inspect.signature(maker).parameters}
    return names - {"self", "args", "kwargs"}


def _web_site(parts: SplitResult) -> str:
    if "@" in parts.netloc:
        raise Unusable("it must be without user and password: everybody is shown it")
    if parts.query:
        raise Unusable("it must be without a question mark and what follows it")
    _port(parts.netloc)
    return urlunsplit(parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/")))


def _hosts(text: str) -> str:
    if "@" in text:
        raise Unusable("user and password belong into REDIS_URL")
    if None in [_port(item.strip()) for item in text.split(",")]:
        raise ValueError
    return text


def _sentinel(text: str) -> str:
    name, _, places = text.partition(",")
    if not name.strip() or re.search("[:@]", name):
        raise ValueError
    return f"{name},{_hosts(places)}"


def _without_credentials(text: str) -> str:
    return "…" if "@" in text else text


HOSTS = Kind(_hosts, "host:port,host:port,…", _without_credentials)
SENTINEL = Kind(_sentinel, "master-name,host:port,host:port,…", _without_credentials)


def _port(place: str) -> int | None:
    """The port of `host:port`, None for a host alone; ValueError for anything else."""
    found = PLACE.fullmatch(place)
    if not found or not found["host"]:
        raise ValueError
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError
    return port


def _is_place(text: str) -> bool:
    try:
        _port(text)
    except ValueError:
        return False
    return True
