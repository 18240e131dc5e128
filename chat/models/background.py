"""How work in the background treats errors: it goes on, and an outage of MongoDB is no fault."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ExecutionTimeout, WaitQueueTimeoutError, WriteConcernError

from chat.logging.redaction import brief
from chat.models.base import DATABASE_GONE

_TIMEOUTS = (ExecutionTimeout, WaitQueueTimeoutError, WriteConcernError)


@contextmanager
def go_on(log: logging.Logger, what: str) -> Iterator[None]:
    """Log an error of the block instead of raising it; ``what`` names the work that failed.

    While MongoDB cannot be used, the health check says so in one line. So here that is a debug
    line without a trace, however often the work is tried. A time-out may be of this work alone, so
    it is a warning.
    """
    try:
        yield
    except DATABASE_GONE as error:
        of_this_work = isinstance(error, _TIMEOUTS)
        log.log(logging.WARNING if of_this_work else logging.DEBUG, "%s: %s", what, brief(error))
    except Exception:
        log.exception(what)
