"""Handles every socket event: check the person, apply the rate limit, call the handler, answer."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any, NamedTuple

import gevent
from flask import Flask, g
from socketio.exceptions import ConnectionRefusedError

from chat import protocol
from chat.cache import announced_early, read_through
from chat.cache.fence.reads import Rider
from chat.errors import BadInput, ChatError, Throttled, Unauthenticated, Unavailable, Uncertain
from chat.logging.redaction import went_without_mongo
from chat.models.base import DATABASE_GONE
from chat.models.driver import NotKept, has_written
from chat.realtime.incoming import identity
from chat.realtime.incoming.rate_limit import Floods
from chat.realtime.outgoing import rooms
from chat.realtime.transport import open_sockets
from chat.realtime.transport.open_sockets import OpenSocket
from chat.redis import deadline
from chat.request.concurrency import RETURNING, turns
from chat.telemetry import events as telemetry
from chat.text import integers
from chat.web import prefetch

log = logging.getLogger(__name__)

Answer = dict[str, Any]
Handler = Callable[[Any, OpenSocket, dict[str, Any]], Answer]

MOST_STRIKES, STRIKES_WITHIN = 100, 10.0  # throttled more often in so many s: disconnect


class Ahead(NamedTuple):
    """What an event will need from Redis, so that it goes in one round trip."""

    sources: Sequence[read_through.Source] = ()
    riders: Sequence[Rider] = ()


Needs = Callable[[OpenSocket, dict[str, Any]], Ahead]

table: dict[str, tuple[Handler, str, Needs | None]] = {}


def handles(
    event: str, flood: str = "event", needs: Needs | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler for an event; its result is acknowledged as `{"ok": true, ...}`.

    ``flood``: the kind of rate limit (``rate_limit.Floods``). ``needs``: what to ask Redis first.
    """
    if event not in protocol.FROM_BROWSERS:
        raise ValueError(f"{event} is not in the table of events (chat/protocol.py)")

    def register(handler: Handler) -> Handler:
        table[event] = (handler, flood, needs)
        return handler

    return register


def text(data: dict[str, Any], name: str, most: int = 64) -> str:
    """A string from the payload. Raises BadInput if it is no string or longer than `most`."""
    value = data.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise BadInput
    return value


def number(data: dict[str, Any], name: str, default: int | None = None) -> int:
    """An integer of 0 or more from the payload. Raises BadInput for anything else."""
    value = data.get(name, default)
    if type(value) is not int or not 0 <= value <= integers.MOST:
        raise BadInput
    return value


def optional_number(data: dict[str, Any], name: str) -> int | None:
    return None if data.get(name) is None else number(data, name)


def dispatch(app: Flask, event: str, sid: str, data: Any = None, refuse: bool = False) -> Answer:
    """Handle one event of one socket. Always returns an answer and never raises."""
    try:
        answer = _handle(app, event, sid, data, refuse)
    finally:
        deadline.renew()
    telemetry.socket_event(event, answer)
    return answer


def _handle(app: Flask, event: str, sid: str, data: Any, refuse: bool) -> Answer:
    connection = open_sockets.get(sid)
    if connection is None:
        return failure(BadInput())
    handler, flood, needs = table[event]
    behind = RETURNING if _comes_back(event, connection) else ""
    with app.request_context(dict(connection.environ)):  # a copy: a request stores itself in it
        try:
            with turns.taken(behind=behind):
                _look_ahead(needs, connection, data)
                actor = _actor(connection)
                waited = _limit(app, connection, flood, refuse)
                if not isinstance(data, dict):  # after the limit: invalid data must count, too
                    raise BadInput
                if waited:
                    read_through.look_again()
                    actor = _actor(connection)
                return {"ok": True, **handler(actor, connection, data)}
        except ChatError as error:
            return failure(error)
        except DATABASE_GONE as error:
            went_without_mongo(error)
            lost = isinstance(error, NotKept) or has_written()
            return failure(Uncertain() if lost else Unavailable())
        except Exception:  # noqa: BLE001 - ``_unexpected`` logs it
            return _unexpected(event)


def _comes_back(event: str, connection: OpenSocket) -> bool:
    """Whether a returning tab asks for missed messages: the first `channel:open` of its socket.

    Any later `channel:open` comes from a person who opens a channel, and must not wait behind.
    """
    first = event == protocol.CHANNEL_OPEN and not connection.has_asked
    connection.has_asked = connection.has_asked or first
    return first


def _look_ahead(needs: Needs | None, connection: OpenSocket, data: Any) -> None:
    if needs is not None and isinstance(data, dict):
        g.subject = connection.user_id
        read_through.look_once()
        wanted = needs(connection, data)
        cached = [one for one in wanted.sources if read_through.is_cached(one.shape.feature)]
        read_through.look_all(cached, wanted.riders)


def failure(error: ChatError) -> Answer:
    """The negative acknowledgement for a ChatError."""
    answer: Answer = {"ok": False, "error": error.name, "detail": str(error.detail)}
    if getattr(error, "field", ""):
        answer["field"] = error.field  # type: ignore[attr-defined]
    return answer


def _unexpected(event: str) -> Answer:
    error_id = token_hex(4)
    log.exception("%s failed (error %s)", event, error_id)
    return {**failure(ChatError()), "id": error_id}


def _actor(connection: OpenSocket) -> Any:
    """The person's current account. Disconnects and raises Unauthenticated if it may not act."""
    account = identity.account_of(connection)
    if account is None:
        rooms.cut(connection)
        raise Unauthenticated
    return account


def _limit(app: Flask, connection: OpenSocket, flood: str, refuse: bool) -> bool:
    """Apply the rate limit. Raises Throttled, or returns whether the event had to wait.

    Messages over the limit wait (their queue is bounded); all other events are refused at once.
    """
    floods: Floods = app.extensions["chat.floods"]
    waited = False
    while not refuse and (seconds := floods.wait(connection.user_id, flood)):
        if flood != "message" or open_sockets.get(connection.sid) is not connection:
            refuse = True
        else:
            announced_early.take_back()  # others would wait for this post to be stored
            with turns.left():
                gevent.sleep(seconds)
            waited = True
    if refuse:
        _strike(connection)
        raise Throttled
    return waited


def _strike(connection: OpenSocket) -> None:
    now = time.monotonic()
    strikes = connection.strikes = connection.strikes or deque()
    strikes.append(now)
    while strikes[0] < now - STRIKES_WITHIN:
        strikes.popleft()
    if len(strikes) > MOST_STRIKES:
        log.warning("a socket of person %s floods: disconnected", connection.user_id)
        rooms.cut(connection)


def handshake(app: Flask, connect: Callable[..., OpenSocket], *args: Any) -> None:
    """Connect a socket, or raise ConnectionRefusedError with the reason."""
    environ = args[2]
    try:
        with turns.taken(behind=RETURNING):
            heard = rooms.changes_heard()
            # The request context loads the session, so the turn must be taken before it.
            with app.request_context(dict(environ)):
                prefetch.look()
                connection = connect(*args, heard)
            # Later events use the session of the handshake and do not load it again.
            environ["saved_session"] = connection.session
    except ChatError as error:
        raise ConnectionRefusedError(error.name, failure(error)) from None
    except DATABASE_GONE as error:
        went_without_mongo(error)
        raise ConnectionRefusedError(Unavailable.name, failure(Unavailable())) from None
    except Exception:  # noqa: BLE001 - ``_unexpected`` logs it
        raise ConnectionRefusedError("server", _unexpected("connect")) from None
    finally:
        deadline.renew()
