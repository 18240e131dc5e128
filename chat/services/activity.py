"""When people were last active: noted on each request, written in batches (R26)."""

from datetime import datetime

from chat.cache import directory
from chat.models import User, base
from chat.services.batches import Batches

FLUSH_SECONDS = 10
AT_MOST_EVERY_SECONDS = 60
MOST_REMEMBERED = 20_000
_noted: dict[str, datetime] = {}
_written: dict[str, datetime] = {}


def touch(user_id: str) -> None:
    """Somebody did something. Costs a look into a dict; at most one write a person a minute."""
    moment = base.now()
    last = _written.get(user_id)
    if last is None or (moment - last).total_seconds() >= AT_MOST_EVERY_SECONDS:
        _noted[user_id] = moment


def flush() -> None:
    """Write what was noted: MongoDB first, then the order of the cached list."""
    if not _noted:
        return
    batch = dict(_noted)
    User.touch_all(batch)
    for user_id, moment in batch.items():
        if _noted.get(user_id) == moment:
            del _noted[user_id]
    if len(_written) > MOST_REMEMBERED:
        _written.clear()
    _written.update(batch)
    directory.store_activity(batch)


_batches = Batches("activity", flush, FLUSH_SECONDS)
start, stop = _batches.start, _batches.stop
