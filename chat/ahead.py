"""What a request is going to ask for, asked for in one round trip before it begins (R28).

Which channels matter is guessed from this process's copies, old or not: a wrong guess costs a
question more, never a wrong answer.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, g, request

from chat import limits, presence
from chat.auth import likely_user_id
from chat.cache import (
    basis,
    channels,
    directory,
    emoji,
    keys,
    members,
    messages,
    reading,
    through,
    users,
)
from chat.cache.fence import Rider
from chat.cache.local import copies
from chat.cache.through import Source
from chat.models import base
from chat.passing import of

PAGES = ("channels", "messages", "users", "admin")


def init_app(app: Flask) -> None:
    """Before every GET of somebody who seems to be signed in (``chat.auth`` makes sure later)."""
    app.before_request(_look)


def _look() -> None:
    if "seen" not in g:  # it may change something: then each thing is looked at when it is due
        return
    is_call = request.path.startswith("/api/")
    if is_call:
        basis.begin()
    if (passing := of(request.environ)) is not None:
        through.look_at(passing.same)
    plan = _page if request.blueprint in PAGES else API.get(request.endpoint or "")
    if plan is None or "Authorization" in request.headers or not (user_id := likely_user_id()):
        return
    args = request.view_args or {}
    if not all(base.object_id(value) for name, value in args.items() if name.endswith("_id")):
        return  # nobody has checked the address yet, and what is no id is no key
    sources = [users.profile_source(user_id), *plan(user_id, args)]
    call = Rider(limits.api_call(user_id)) if is_call and not limits.is_counted() else None
    online = presence.ahead() if plan in WITH_PRESENCE else None
    through.look_all(sources, [rider for rider in (call, online) if rider])
    if call and call.answer is not None:
        limits.counted(call.answer)
    if online:
        presence.asked(online)


def _page(user_id: str, args: dict[str, Any]) -> list[Source]:
    named = copies.get(keys.channels_list())
    slug = args.get("slug")
    channel = channels.find_slug(named.value, slug) if named and slug else None
    return [
        channels.all_source(),
        channels.site_source(),
        directory.source(),
        reading.marks_source(user_id),
        *map(reading.tail_source, _own(user_id)),
        *([messages.source(channel["id"]), members.source(channel["id"])] if channel else ()),
    ]


def _channel_list(user_id: str, _args: dict[str, Any]) -> list[Source]:
    named = copies.get(keys.channels_list())
    shown = dict.fromkeys([*(named.value if named else ()), *_own(user_id)])
    tails = map(reading.tail_source, shown)
    return [channels.all_source(), reading.marks_source(user_id), *tails]


def _channel(user_id: str, args: dict[str, Any]) -> list[Source]:
    tail = reading.tail_source(args["channel_id"])
    return [channels.all_source(), reading.marks_source(user_id), tail]


def _members(_user_id: str, args: dict[str, Any]) -> list[Source]:
    return [channels.all_source(), members.source(args["channel_id"]), directory.source()]


def _people(_user_id: str, _args: dict[str, Any]) -> list[Source]:
    return [directory.source()]


def _history(_user_id: str, args: dict[str, Any]) -> list[Source]:
    return [channels.all_source(), messages.source(args["channel_id"])]


def _own(user_id: str) -> list[str]:
    marks = copies.get(keys.marks(user_id))
    return list(marks.value) if marks else []


API: dict[str, Callable[[str, dict[str, Any]], list[Source]]] = {
    "api.me.show": lambda _user_id, _args: [],
    "api.users.index": _people,
    "api.users.online": _people,
    "api.channels.index": _channel_list,
    "api.channels.show": _channel,
    "api.channels.members": _members,
    "api.messages.history": _history,
    "api.emoji.index": lambda _user_id, _args: [emoji.source()],
}
WITH_PRESENCE = (_page, _people, _members)
