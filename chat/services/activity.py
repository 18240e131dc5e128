"""The last activity of people: noted in memory at each request, written in batches (R26)."""

from datetime import UTC, datetime, timedelta

from chat.cache import users_by_activity
from chat.models import User, base
from chat.services.batches import Batches

FLUSH_SECONDS = 10
AT_MOST_EVERY = timedelta(minutes=1)
MOST_REMEMBERED = 20_000
_noted: dict[str, datetime] = {}
_written: dict[str, datetime] = {}


def touch(user_id: str) -> None:
    """Note that a person is active. Only a dict access; leads to at most one write a minute."""
    moment = base.now()
    last = _written.get(user_id)
    if last is None or moment - last >= AT_MOST_EVERY:
        _noted[user_id] = moment


def flush() -> None:
    """Write what was noted: MongoDB first, then the order of the cached list."""
    if not _noted:
        return
    batch = dict(_noted)
    _noted.clear()
    before = {user_id: _written[user_id] for user_id in batch if user_id in _written}
    # Before the write, so that activity during the write is not noted again.
    _written.update(batch)
    try:
        _write(batch)
    except BaseException:  # also if the greenlet is killed: the last flush writes the batch
        for user_id, moment in batch.items():
            _noted.setdefault(user_id, moment)
            _written.pop(user_id, None)
        _written.update(before)
        raise
    _forget_old()


def _write(batch: dict[str, datetime]) -> None:
    """Write the batch, except people whom another process has written within the last minute."""
    due = dict(batch)
    for user_id, millis in users_by_activity.stored_activity(list(batch)).items():
        stored = datetime.fromtimestamp(millis / 1000, UTC)
        if batch[user_id] - stored < AT_MOST_EVERY:
            del due[user_id]
            _written[user_id] = stored
    if due:
        User.touch_all(due)
        users_by_activity.store_activity(due)


def _forget_old() -> None:
    """Forget writes older than a minute: they do not prevent a new write any more."""
    if len(_written) > MOST_REMEMBERED:
        past = base.now() - AT_MOST_EVERY
        for user_id in [user_id for user_id, moment in _written.items() if moment < past]:
            del _written[user_id]


_batches = Batches("activity", flush, FLUSH_SECONDS)
start, stop = _batches.start, _batches.stop
