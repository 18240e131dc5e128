"""Actions of admins on the status page (empty a cache, fire drill), each with an audit entry."""

from typing import Any

from bson import ObjectId
from flask_babel import lazy_gettext as _l

from chat.auth import permissions
from chat.cache import fire_drill, flush
from chat.errors import Conflict, Invalid, NotFound, Unavailable
from chat.models import Audit, Drill, base
from chat.redis import Down
from chat.redis.client import redis
from chat.rollout import FEATURES

SHOWN = 50


def empty(actor: Any, feature: str) -> int:
    """Delete all keys of a feature in Redis; the number of keys. Admins and owners only."""
    permissions.require_role(actor, "admin")
    if feature not in FEATURES:
        raise NotFound
    gone = flush.empty(feature)
    if isinstance(gone, Down):
        raise Unavailable(_l("Redis is not responding right now, so there is nothing to clear."))
    _note(actor, "cache.empty", feature, after=gone)
    return gone


def start_drill(actor: Any, seconds: Any) -> None:
    """Start a fire drill: all processes work without Redis for a while. Admins and owners only."""
    permissions.require_role(actor, "admin")
    text = str(seconds).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or not (
        fire_drill.LEAST <= int(text) <= fire_drill.MOST
    ):
        raise Invalid(_l("A fire drill can last 5 to 300 seconds."), "seconds")
    if not redis.is_up():
        raise Conflict(_l("Redis is not in use right now, so there is nothing to practise."))
    if not Drill.begin({"id": actor.id, "nickname": actor.nickname}, fire_drill.NOTICE, int(text)):
        raise Conflict(_l("A fire drill is already running."))
    _note(actor, "drill.start", "redis", after=int(text))
    fire_drill.tell()


def stop_drill(actor: Any) -> None:
    """End the fire drill early. Admins and owners only."""
    permissions.require_role(actor, "admin")
    if Drill.stop({"id": actor.id, "nickname": actor.nickname}):
        _note(actor, "drill.stop", "redis")
    fire_drill.tell()


def entries() -> list[dict]:
    """The last SHOWN audit entries, newest first."""
    return Audit.recent(SHOWN)


def _note(actor: Any, action: str, subject: str, after: Any = None) -> None:
    Audit.add([{
        "_id": ObjectId(), "at": base.now(),
        "actor": {"id": actor.id, "nickname": actor.nickname},
        "action": action, "subject": subject, "from": None, "to": after,
    }])  # fmt: skip
