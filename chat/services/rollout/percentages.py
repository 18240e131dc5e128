"""The stored percentages of the rollout (R19), each change with its entry in the audit."""

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
ENVIRONMENT, CHANGED = "environment", "changed"  # what a percentage comes from

_told: list[Callable[[], None]] = []


def on_change(fn: Callable[[], None]) -> None:
    """``fn()`` when this process has changed something; the others hear it as an update."""
    _told[:] = [fn]


def read() -> dict:
    """What is stored. To begin with that is the environment; if the document was lost while
    processes run, what they know: others act on it."""
    return Rollout.read() or _first()


def shares_of(stored: Mapping[str, Any]) -> dict[str, Share]:
    """What a stored document says, by feature."""
    rows = stored["features"]
    return {name: Share(rows[name]["percent"], rows[name]["stage"]) for name in FEATURES}


def change(
    actor: dict | None,
    action: str,
    wanted: Mapping[str, int | None],
    source: str,
    environment: Mapping[str, int] | None = None,
) -> None:
    """Store percentages (None: the environment's), with their audit entries, and tell everybody.

    Raises Conflict where others were always faster.
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
            # A share that turns round before it has settled waits anew.
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
    """Into the audit. If this process dies before that, the next one that looks does it."""
    Audit.add(entries)
    Rollout.written_down([entry["_id"] for entry in entries])


def tell() -> None:
    """All processes look at what is stored."""
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
