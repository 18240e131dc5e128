"""When the data was last backed up.

deploy/backup-mongodb.py records the backups of MongoDB; Redis reports its own snapshots.
"""

import time
from typing import Any

from chat.monitoring.status.formats import duration

OLD_SECONDS = 26 * 3600  # a day, and some time for the backup


def of_mongodb(mongo: dict[str, Any]) -> dict[str, Any] | None:
    """When the data was last backed up: ``state`` is ok, old, failed or none; None: unknown."""
    if "backup" not in mongo:
        return None
    good, last = mongo["backup"].get("good"), mongo["backup"].get("last")
    ago = time.time() - good["at"] if good else None
    if last and not last["ok"]:
        state = "failed"
    elif ago is None:
        state = "none"
    else:
        state = "old" if ago > OLD_SECONDS else "ok"
    return {"state": state, "ago": None if ago is None else duration(max(0, ago)),
            "bytes": good["bytes"] if good else None}  # fmt: skip


def of_redis(facts: dict[str, Any]) -> str | None:
    """How long ago Redis wrote its last snapshot; None if it has written none since its start.

    Until the first snapshot, Redis reports the time of its start.
    """
    saved, up = facts.get("rdb_last_save_time"), facts.get("uptime_in_seconds")
    if saved is None or up is None or saved <= facts.get("at", time.time()) - up + 1:
        return None
    return duration(max(0, time.time() - saved))
