"""What only the servers can tell about the settings, asked once before anything is served.

A server that does not answer is no reason to refuse: the chat waits for it. An address that
leads nowhere whatever happens is.
"""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import ConfigurationError
from pymongo.uri_parser import parse_uri
from redis.exceptions import RedisError, ResponseError

from chat.config.parsers import ConfigError
from chat.config.urls import mongodb_refused
from chat.redis.connect import Connector

SRV = "mongodb+srv://"
LOOKUP_SECONDS = 5.0


def check(settings: Mapping[str, Any]) -> None:
    """Raises ConfigError, one line long."""
    _find_mongodb(settings["MONGODB_URI"])
    if not settings["DISABLE_REDIS"]:
        _try_database(settings)


def _find_mongodb(uri: str) -> None:
    """With mongodb+srv the members are found by name; there is nothing to wait for without."""
    if not uri.startswith(SRV):
        return
    try:
        parse_uri(uri, connect_timeout=LOOKUP_SECONDS)
    except ConfigurationError as error:
        raise mongodb_refused(uri) from error


def _try_database(settings: Mapping[str, Any]) -> None:
    connector = Connector(settings)
    number = connector.database
    if not number:
        return
    client = connector.single()
    try:
        client.ping()
    except ResponseError as error:
        if "out of range" in str(error) or "invalid DB" in str(error):
            raise ConfigError(
                f"REDIS_URL names database {number}, which this Redis does not have: give a "
                "smaller number, usually 0 to 15."
            ) from None
    except (RedisError, OSError):
        return  # away, or not letting us in: that is said while it serves
    finally:
        client.close()
