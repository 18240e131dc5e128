"""Describes why Redis cannot be used, for the log, /health/redis and the status page.

If an administrator can fix the problem, the reason has a name. The status page explains the fix
for each name in the reader's language (``chat.monitoring.status.server_cards``).
"""

import re

from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError

from chat.logging.redaction import unquoted
from chat.redis.errors import (
    DENIED,
    Lacking,
    Unfit,
    Unknown,
    is_unknown_command,
    name_of_unknown,
)
from chat.redis.mark import Elsewhere

LOGIN, RIGHTS, COMMAND, DISK, FULL, REPLICA, OTHER_DATA = (
    "login", "rights", "command", "disk", "full", "replica", "other_data",
)  # fmt: skip
_SAID = {
    LOGIN: "authentication refused",
    RIGHTS: "its user lacks a right",
    COMMAND: "it does not have a command that is needed (renamed or switched off in its settings)",
    DISK: "it takes no writes because it cannot save to its disk: free disk space or fix its data"
          " directory; its own log says what is wrong",
    FULL: "it takes no writes because its memory is full: raise maxmemory, or let it drop what has"
          " a lifetime (maxmemory-policy volatile-lru)",
    REPLICA: "it takes no writes because it is a replica: give the address of the master",
}  # fmt: skip
_REFUSED_COMMAND = re.compile(r"run the '([\w|]+)' command")
LONGEST = 600


def describe(error: Exception, kind: str) -> tuple[str, str]:
    """One line for a log or a status page, and the name of the reason or ""."""
    reason = _reason_of(error, kind)
    if isinstance(error, Lacking | Unknown | Unfit):  # the text is ours, not the server's
        return str(error)[:LONGEST], reason
    prefix = _SAID.get(reason, type(error).__name__)
    return f"{prefix}: {_detail(error)}"[:LONGEST], reason


def _detail(error: Exception) -> str:
    """The message of the server, without quoted values."""
    if refused := _REFUSED_COMMAND.search(str(error)):
        return f"+{refused[1]}"
    if is_unknown_command(error):
        return name_of_unknown(error) or "inside of a script"
    return unquoted(" ".join(str(error).split()))[:200] or "no detail"


def _reason_of(error: Exception, kind: str) -> str:
    text = str(error)
    if isinstance(error, Elsewhere):
        return OTHER_DATA
    if isinstance(error, Unknown) or is_unknown_command(error):
        return COMMAND
    if kind == DENIED:
        about_rights = isinstance(error, NoPermissionError) or "ACL failure" in text
        return RIGHTS if about_rights or text.startswith("NOPERM") else LOGIN
    if "MISCONF" in text:
        return DISK
    if isinstance(error, OutOfMemoryError) or "OOM command" in text:
        return FULL
    if isinstance(error, ReadOnlyError) or "READONLY" in text:
        return REPLICA
    return ""
