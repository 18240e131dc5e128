"""The rollout percentages in MongoDB (R19); each change has an audit entry."""

from collections.abc import Callable, Mapping
from typing import Any

from bson import ObjectId
from flask_babel import lazy_gettext as _l

from chat import rollout
from chat.cache import updates
from chat.errors import Conflict
from chat.models import Audit, Rollout, base
from chat.rollout import FEATURES, Share

TRIES = 20
ENVIRONMENT, CHANGED = "environment", "changed"  # the sources of a percentage

_told: list[Callable[[], None]] = []


def on_change(fn: Callable[[], None]) -> None:
    """Call ``fn()`` when this process has changed percentages; others get an update event."""
    _told[:] = [fn]


def read() -> dict:
    """The stored document; created if it is missing.

    It begins with the percentages that this process knows, because other processes may act on them
    (the document was lost), else with those of the environment.
    """
    return Rollout.read() or _first()


def shares_of(stored: Mapping[str, Any]) -> dict[str, Share]:
    """The shares in a stored document, by feature."""
    rows = stored["features"]
    return {name: Share(rows[name]["percent"], rows[name]["stage"]) for name in FEATURES}


def change(
    actor: dict | None,
    action: str,
    wanted: Mapping[str, int | None],
    source: str,
    environment: Mapping[str, int] | None = None,
) -> None:
    """Store percentages (None: from the environment) with audit entries, and tell all processes.

    Raises Conflict if simultaneous changes won TRIES times.
    """
    for _ in range(TRIES):
        stored = read()
        fields: dict[str, Any] = {}
        told = {**stored["environment"], **(environment or {})}
        if environment:
            fields["environment"] = told
        begun, entries = [], []
        for feature, value in wanted.items():
            row, percent = stored["features"][feature], told[feature] if value is None else value
            if (row["percent"], row["source"]) == (percent, source):
                continue
            old = Share(row["percent"], row["stage"])
            new, now = old.to(percent), base.now()
            changed = {"percent": percent, "stage": new.stage, "source": source, "by": actor}
            fields |= {f"features.{feature}.{k}": v for k, v in {**changed, "at": now}.items()}
            # A change between 0 and more restarts the waiting time of the step.
            if (old.percent > 0) != (percent > 0):
                begun.append(feature)
            entries.append({
                "_id": ObjectId(), "at": now, "actor": actor, "action": action,
                "subject": feature, "from": row["percent"], "to": percent,
            })  # fmt: skip
        if not fields:
            return
        if Rollout.change(stored["revision"], fields, begun, entries):
            write_down(entries)
            tell()
            return
    raise Conflict(_l("Someone else changed this at the same time. Please try again."))


def write_down(entries: list[dict]) -> None:
    """Copy entries to the audit. If this process dies before, the next follower does it."""
    Audit.add(entries)
    Rollout.written_down([entry["_id"] for entry in entries])


def tell() -> None:
    """Make all processes read the stored percentages now."""
    updates.publish("channels", {"type": "rollout"})
    for fn in _told:
        fn()


def _first() -> dict:
    told = {name: rollout.environment(name) for name in FEATURES}
    shares = rollout.known() or {name: Share(percent) for name, percent in told.items()}
    features = {
        name: {
            "percent": share.percent, "stage": share.stage, "source": ENVIRONMENT,
            "since": base.now(), "by": None, "at": None,
        }
        for name, share in shares.items()
    }  # fmt: skip
    Rollout.begin(features, told)
    stored = Rollout.read()
    assert stored is not None
    return stored
