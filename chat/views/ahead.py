"""What a page is going to ask for, asked for in one round trip before it begins (R28).

Which channels matter is guessed from this process's copies, old or not: a wrong guess costs a
question more, never a wrong answer.
"""

from flask import Flask, g, request

from chat.auth import likely_user_id
from chat.cache import channels, directory, keys, members, messages, reading, through, users
from chat.cache.local import copies
from chat.cache.through import Source

PAGES = ("channels", "messages", "users", "admin")


def init_app(app: Flask) -> None:
    """Before every page of somebody who seems to be signed in (``chat.auth`` makes sure later)."""
    app.before_request(_look)


def _look() -> None:
    if "seen" not in g or request.blueprint not in PAGES:
        return
    if user_id := likely_user_id():
        slug = (request.view_args or {}).get("slug")
        through.look_all(_of_every_page(user_id) + _of_channel(slug))


def _of_every_page(user_id: str) -> list[Source]:
    marks = copies.get(keys.marks(user_id))
    return [
        users.profile_source(user_id),
        channels.all_source(),
        channels.site_source(),
        directory.source(),
        reading.marks_source(user_id),
        *(reading.tail_source(cid) for cid in (marks.value if marks else ())),
    ]


def _of_channel(slug: str | None) -> list[Source]:
    named = copies.get(keys.channels_list())
    channel = channels.find_slug(named.value, slug) if named and slug else None
    if channel is None:
        return []
    return [messages.source(channel["id"]), members.source(channel["id"])]
