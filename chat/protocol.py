"""What the server and the browser's code must agree on: names of events, and shared limits.

This is the one table. `python -m chat.protocol` writes it to static/js/protocol.js for the browser;
a test compares the two. Every constant here, in capital letters, goes there.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from chat.folders import STATIC

# Events that browsers send (chat.realtime.incoming.handlers).
MESSAGE_POST: Final = "message:post"
MESSAGE_EDIT: Final = "message:edit"
MESSAGE_DELETE: Final = "message:delete"
CHANNEL_OPEN: Final = "channel:open"
CHANNEL_READ: Final = "channel:read"
PRESENCE_PING: Final = "presence:ping"
STATUS_WATCH: Final = "status:watch"
TYPING: Final = "typing"  # the server passes it on under the same name

# Events that browsers are sent (chat.realtime.outgoing.broadcasts).
MESSAGE_NEW: Final = "message:new"
MESSAGE_CHANGED: Final = "message:changed"
MESSAGE_DELETED: Final = "message:deleted"
CHANNEL_CHANGED: Final = "channel:changed"
CHANNEL_REMOVED: Final = "channel:removed"
UNREAD: Final = "unread"
PRESENCE: Final = "presence"
SYSTEM: Final = "system"
STATUS_CHANGED: Final = "status:changed"

FROM_BROWSERS: Final = (
    MESSAGE_POST, MESSAGE_EDIT, MESSAGE_DELETE, CHANNEL_OPEN, CHANNEL_READ, PRESENCE_PING,
    STATUS_WATCH, TYPING,
)  # fmt: skip
TO_BROWSERS: Final = (
    MESSAGE_NEW, MESSAGE_CHANGED, MESSAGE_DELETED, CHANNEL_CHANGED, CHANNEL_REMOVED, UNREAD, TYPING,
    PRESENCE, SYSTEM, STATUS_CHANGED,
)  # fmt: skip

# What a `system` event says of how the chat runs.
MODE_NORMAL: Final = "normal"
MODE_DEGRADED: Final = "degraded"
MODE_RESTARTING: Final = "restarting"

# Names of errors (chat.errors) that mean: send it again later, or: the channel is gone for you.
PASSING_ERRORS: Final = ("throttled", "unavailable", "server", "unauthenticated")
GONE_ERRORS: Final = ("not_found", "forbidden")

MESSAGE_CHARACTERS: Final = 8000  # the longest message, in characters after trimming
HISTORY_PAGE: Final = 50  # messages of a page of history
PLACES_FOUND: Final = 20  # channels, and as many people, that the switcher is told of
PEOPLE_NAMED: Final = 60  # people whom the sidebar names as online
CHANNELS_REMEMBERED: Final = 20  # that a browser showed last
UNREAD_SHOWN: Final = 99  # a greater number is shown as this and a plus
GROUPED_SECONDS: Final = 300  # messages of one author this close together are one group
LARGE_EMOJI: Final = 6  # a message of so many emoji and nothing else is shown large

NOBODY: Final = "0" * 24  # the author of what the installation itself says; never an account's id
HUES: Final = 24  # colours of avatars
GOLDEN: Final = 10_368_889  # of 2 ** 24, what the golden angle is of a turn

JAVASCRIPT = STATIC / "js" / "protocol.js"
_NOT_SHARED = {"STATIC", "JAVASCRIPT"}
_HEAD = (
    "// Written by `python -m chat.protocol` from the table in chat/protocol.py: change it there.\n"
)
_LINE = 100


def constants() -> dict[str, Any]:
    """Every shared constant by name, in the order of the table."""
    names = [name for name in globals() if name.isupper() and not name.startswith("_")]
    return {name: globals()[name] for name in names if name not in _NOT_SHARED}


def javascript() -> str:
    """The table as a module for the browser, laid out as prettier would."""
    return _HEAD + "\n" + "".join(_lines())


def _lines() -> Iterator[str]:
    for name, value in constants().items():
        line = f"export const {name} = {json.dumps(value)};\n"
        if len(line) > _LINE:
            line = f"export const {name} = {json.dumps(value, indent=2)[:-2]},\n];\n"
        yield line


if __name__ == "__main__":
    JAVASCRIPT.write_text(javascript(), encoding="utf-8")
