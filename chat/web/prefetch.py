"""Prefetch: reads all cached values that a request will need, in one round trip (R28).

The session is read in the same round trip if this process remembers its user
(``chat.auth.sessions.recent``). The user and the relevant channels are guesses from copies in this
process, which may be stale. A wrong guess costs another round trip, but never gives a wrong answer.
"""

from collections.abc import Callable, Collection
from typing import Any

from flask import g, request
from flask.globals import request_ctx
from pymongo.errors import PyMongoError

from chat import presence, rollout
from chat.auth.current_user import likely_user_id
from chat.auth.sessions import store as session_store
from chat.auth.sessions.recent import callers
from chat.cache import (
    announced_early,
    channels,
    directs,
    emoji,
    members,
    messages,
    read_through,
    response_dependencies,
    unread,
    users,
    users_by_activity,
)
from chat.cache.fence.reads import Rider
from chat.cache.process_copies import copies
from chat.cache.read_through import Source
from chat.errors import ChatError
from chat.models import base
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.request.handoff import of
from chat.web import rate_limits
from chat.web.security import SAFE

PAGES = ("channels", "messages", "users", "admin")
Plan = Callable[[str, dict[str, Any]], list[Source]]


def with_session(sid: str) -> list[Any] | None:
    """Read the session and prefetch in one round trip; the answer of ``session_store.call``.

    None if the user of the session is not remembered or nothing can be prefetched. Called by
    ``chat.auth.sessions.interface`` when it opens the session.
    """
    user_id = callers.get(sid)
    if not user_id or not redis.is_up() or not rollout.in_rollout("sessions", sid):
        return None
    if not _is_socket():
        request_ctx.match_request()
    if (plan := _plan()) is None:
        return None
    g.guessed, g.subject = (sid, user_id), user_id
    _begin()
    session = Rider(session_store.call(sid))
    try:
        _ask(plan, user_id, [session])
    except (ChatError, PyMongoError):  # the later reads report the error
        read_through.look_again()
    return session.answer


def look() -> None:
    """Prefetch after the session was loaded, or correct a wrong guess.

    For `before_request`, and for the handshake of a socket.
    """
    if (guessed := g.get("guessed")) is not None:
        if guessed[1] != likely_user_id():
            callers.drop(guessed[0])  # the session belongs to another user now
            g.pop("api_count", None)
            response_dependencies.spoil()
    elif request.method in SAFE:
        _begin()
        plan = _plan()
        if plan is not None and (user_id := likely_user_id()):
            _ask(plan, user_id, [])


def _begin() -> None:
    """Read each value only once from here on; begin a basis for an API call that only reads."""
    read_through.look_once()
    if not _is_call() or request.method not in SAFE:
        return
    response_dependencies.begin()
    if (passing := of(request.environ)) is not None:
        read_through.look_at(passing.same)


def _plan() -> Plan | None:
    """The plan for this URL: a function that lists the cached values; None if there is none."""
    if _is_socket():
        return _arrival
    args = request.view_args or {}
    if not all(base.object_id(value) for name, value in args.items() if name.endswith("_id")):
        return None  # the URL is not validated yet, and an invalid id must not become a key
    if "Authorization" in request.headers:
        return None
    if request.method not in SAFE:
        return WRITES.get(request.endpoint or "")
    return _page if request.blueprint in PAGES else API.get(request.endpoint or "")


def _ask(plan: Plan, user_id: str, riders: list[Rider]) -> None:
    args = request.view_args or {}
    sources = [users.profile_source(user_id), *plan(user_id, args)]
    call = (
        Rider(rate_limits.api_call(user_id))
        if _is_call() and not rate_limits.is_counted()
        else None
    )
    online = presence.ahead() if plan in WITH_PRESENCE else None
    early = announced_early.ahead(args["channel_id"], user_id) if plan is _post else ()
    others = [rider for rider in (call, online) if rider]
    read_through.look_all(sources, [*riders, *others, *early])
    if call and call.answer is not None:
        rate_limits.counted(call.answer)
    if online:
        presence.asked(online)


def _is_socket() -> bool:
    return request.path.startswith("/socket.io/")


def _is_call() -> bool:
    return request.path.startswith("/api/")


def _arrival(user_id: str, _args: dict[str, Any]) -> list[Source]:
    return [unread.marks_source(user_id)]


def _page(user_id: str, args: dict[str, Any]) -> list[Source]:
    named = copies.get(keys.channels_list())
    slug = args.get("slug")
    channel = channels.find_slug(named.value, slug) if named and slug else None
    here = [channel["id"]] if channel else []
    return [
        channels.all_source(),
        channels.site_source(),
        users_by_activity.source(),
        unread.marks_source(user_id),
        *map(unread.tail_source, dict.fromkeys([*_own(user_id), *here])),
        *map(messages.source, here),
        *map(members.source, here),
    ]


def _channel_list(user_id: str, _args: dict[str, Any]) -> list[Source]:
    others = () if b"member=" in request.query_string else _named()  # a guess
    shown = dict.fromkeys([*others, *_own(user_id)])
    tails = map(unread.tail_source, shown)
    return [channels.all_source(), unread.marks_source(user_id), *tails]


def _channel(user_id: str, args: dict[str, Any]) -> list[Source]:
    tail = unread.tail_source(args["channel_id"])
    return [channels.all_source(), unread.marks_source(user_id), tail]


def _members(_user_id: str, args: dict[str, Any]) -> list[Source]:
    return [channels.all_source(), members.source(args["channel_id"]), users_by_activity.source()]


def _people(_user_id: str, _args: dict[str, Any]) -> list[Source]:
    return [users_by_activity.source()]


def _history(_user_id: str, args: dict[str, Any]) -> list[Source]:
    return [channels.all_source(), messages.source(args["channel_id"])]


def _post(user_id: str, args: dict[str, Any]) -> list[Source]:
    return [*_membership(user_id, args), *directs.sources(args["channel_id"], user_id)]


def _membership(_user_id: str, args: dict[str, Any]) -> list[Source]:
    """The channel and its members. Not the members of a huge channel, whose set is not loaded."""
    those = members.source(args["channel_id"])
    is_there = args["channel_id"] in _named() and not copies.is_too_big(those.key)
    return [channels.all_source(), *([those] if is_there else ())]


def _reading(user_id: str, args: dict[str, Any]) -> list[Source]:
    is_there = args["channel_id"] in _named()
    tail = [unread.tail_source(args["channel_id"])] if is_there else []
    return [*_membership(user_id, args), unread.marks_source(user_id), *tail]


def _named() -> Collection[str]:
    """The ids of the named channels, from this process's copy, which may be stale."""
    named = copies.get(keys.channels_list())
    return named.value if named else ()


def _own(user_id: str) -> list[str]:
    marks = copies.get(keys.marks(user_id))
    return list(marks.value) if marks else []


API: dict[str, Plan] = {
    "api.me.show": lambda _user_id, _args: [],
    "api.users.index": _people,
    "api.users.online": _people,
    "api.channels.index": _channel_list,
    "api.channels.show": _channel,
    "api.channels.members": _members,
    "api.messages.history": _history,
    "api.emoji.index": lambda _user_id, _args: [emoji.source()],
}
# Only for services that call ``read_through.look_again`` before they write.
WRITES: dict[str, Plan] = {
    "api.messages.post": _post,
    "api.messages.mark_read": _reading,
}
WITH_PRESENCE = (_page, _people, _members)
