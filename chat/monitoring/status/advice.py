"""What an admin can do about a Redis that cannot be used, in the reader's language."""

from flask_babel import gettext as _

from chat.redis import reasons


def on_redis(reason: str | None) -> str:
    """The advice for a reason of ``chat.redis.reasons``; empty if one can only wait."""
    known = {
        reasons.LOGIN: _("Redis refuses the login. Check the user and password in REDIS_URL."),
        reasons.RIGHTS: _(
            "The Redis user lacks permissions. “flask --app wsgi redis-rights” prints the command"
            " that grants them; see docs/deploying.md."
        ),
        reasons.COMMAND: _(
            "A command that the chat needs is renamed or disabled in the Redis configuration."
            " Remove that rename-command line."
        ),
        reasons.DISK: _(
            "Redis cannot save to its disk, so it refuses writes. Free disk space or fix its data"
            " directory; the Redis log says what is wrong."
        ),
        reasons.FULL: _(
            "Redis is out of memory and may not evict anything. Raise maxmemory, or set"
            " maxmemory-policy to volatile-lru."
        ),
        reasons.REPLICA: _("This Redis is a replica. REDIS_URL must point to the primary."),
        reasons.OTHER_DATA: _(
            "Redis was emptied, swapped or restored, or another process could not use it. The"
            " caches are being refilled; no data is lost."
        ),
    }
    return known.get(reason or "", "")
