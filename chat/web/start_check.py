"""Checks settings that need a server's answer, once at startup.

A server that does not answer does not stop the start: the chat waits for it. A setting that can
never work does.
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
    """Raise ConfigError, with a message of one line, for a setting that cannot work."""
    _find_mongodb(settings["MONGODB_URI"])
    if not settings["DISABLE_REDIS"]:
        _try_database(settings)


def _find_mongodb(uri: str) -> None:
    """Look up the DNS records of a mongodb+srv address; without them no server can be found."""
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
        return  # down or refused: reported while the app runs
    finally:
        client.close()
