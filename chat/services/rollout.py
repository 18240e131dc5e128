"""The percentages of the rollout (R19): following what is stored, and changing it.

Every process reads the stored percentages at its start, every EVERY seconds, and at once when
another process says that there are new ones. No request waits for that. Whoever comes first ends
the step of a change that is due (``chat.rollout``). A process that is started with another
environment than the last one stores that as a change, too, so that it takes the same steps.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import gevent
import pymongo
from bson import ObjectId
from flask import Flask
from flask_babel import lazy_gettext as _l
from gevent.event import Event
from pymongo.errors import PyMongoError

from chat import access, rollout
from chat.cache import emptying, updates
from chat.errors import Conflict, Invalid
from chat.models import Audit, Rollout, base
from chat.redis import Down
from chat.rollout import FEATURES, STEADY, Share

log = logging.getLogger(__name__)

EVERY = 2.0
QUERY_SECONDS = 2.0  # with EVERY still less than rollout.LEASE
CLAIM_SECONDS = 30.0
TRIES = 20
SHOWN = 50
ENVIRONMENT, CHANGED = "environment", "changed"


class Follower:
    """Keeps this process in step with what is stored."""

    def __init__(self) -> None:
        self.greenlet: gevent.Greenlet | None = None
        self._wake = Event()
        self._declared = False
        self._settling: gevent.Greenlet | None = None

    def start(self, app: Flask) -> None:
        """Hear what is stored, before the first request if MongoDB answers, and go on in the
        background."""
        self._declared = False
        self._try(app)
        self.greenlet = self.greenlet or gevent.spawn(self._run, app)

    def stop(self) -> None:
        for greenlet in (self.greenlet, self._settling):
            if greenlet is not None:
                greenlet.kill(timeout=1)
        self.greenlet = self._settling = None

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def look(self) -> None:
        """Hear what is stored now."""
        began = time.monotonic()
        rollout.trying(began)
        with pymongo.timeout(QUERY_SECONDS):
            stored = Rollout.read() or _first()
        if rollout.hear(_shares_of(stored), began):
            log.info("rollout: %s", _in_words(stored))
        if not self._declared:
            _declare()
            self._declared = True
            self.look()
        elif stored["log"]:
            _write_down(stored["log"])

    def _run(self, app: Flask) -> None:
        while True:
            self._wake.wait(EVERY)
            self._wake.clear()
            self._try(app)

    def _try(self, app: Flask) -> None:
        with app.app_context():
            try:
                self.look()
                self._settle(app)
            except PyMongoError as error:
                log.debug("rollout: %s", error)  # what was heard last stays
            except Exception:
                log.exception("following the rollout")

    def _settle(self, app: Flask) -> None:
        """Beside the loop: emptying takes as long as Redis has keys."""
        if all(share.stage == STEADY for share in rollout.known().values()):
            return
        if self._settling is None or self._settling.ready():
            self._settling = gevent.spawn(_settle_in, app)


_follower = Follower()


def start(app: Flask) -> None:
    """Follow what is stored; ends the wait when another process says that it has changed."""
    updates.subscribe("channels", _on_update)
    _follower.start(app)


def stop(app: Flask) -> None:
    """Stop following."""
    _follower.stop()


def look() -> None:
    """Hear what is stored now, in a process that does not follow in the background."""
    _follower.look()


def settle() -> None:
    """End the steps that are due: empty the structure, then let readers begin or writers stop."""
    for feature, row in (Rollout.read() or _first())["features"].items():
        if row["stage"] == STEADY or emptying.is_impossible():
            continue
        if not Rollout.claim(feature, row["since"], rollout.MARGIN, CLAIM_SECONDS):
            continue
        if not isinstance(emptying.empty(feature), Down) and Rollout.settle(feature, row["since"]):
            _tell()


# -- changing ------------------------------------------------------------------------------------


def change(actor: Any, wanted: Mapping[str, Any]) -> None:
    """Set percentages by feature; admins and owners only. Invalid(field=feature) for a bad one."""
    access.require_role(actor, "admin")
    checked = {feature: _checked(feature, value) for feature, value in wanted.items()}
    _change(_named(actor), "rollout.set", checked, CHANGED)


def reset(actor: Any, feature: str) -> None:
    """Let the environment decide again; admins and owners only."""
    access.require_role(actor, "admin")
    _change(_named(actor), "rollout.reset", {_known(feature): None}, ENVIRONMENT)


def kill(actor: Any) -> None:
    """Everything to 0 % (R20); admins and owners only."""
    access.require_role(actor, "admin")
    _change(_named(actor), "rollout.kill", dict.fromkeys(FEATURES, 0), CHANGED)


def killed() -> dict[str, int]:
    """What ``kill`` put to 0 % and nobody has changed since, with the percentage before."""
    newest: dict[str, dict] = {}
    for entry in entries():
        newest.setdefault(entry["subject"], entry)
    stored = Rollout.read() or _first()
    return {
        name: int(entry["from"])
        for name, entry in newest.items()
        if entry["action"] == "rollout.kill" and stored["features"][name]["percent"] == 0
    }


def back(actor: Any) -> None:
    """What ``kill`` put to 0 % as it was; admins and owners only."""
    access.require_role(actor, "admin")
    _change(_named(actor), "rollout.back", killed(), CHANGED)


def command(feature: str, value: str) -> None:
    """The same for an operator at the server: a percentage, or "environment"."""
    if value == ENVIRONMENT:
        _change(None, "rollout.reset", {_known(feature): None}, ENVIRONMENT)
    else:
        _change(None, "rollout.set", {feature: _checked(feature, value)}, CHANGED)


def overview() -> dict[str, dict]:
    """Each feature: percent, stage, source, by, at, environment."""
    stored = Rollout.read() or _first()
    return {
        name: {
            **{key: stored["features"][name].get(key) for key in ("percent", "stage", "source")},
            "by": stored["features"][name].get("by"),
            "at": base.iso(stored["features"][name].get("at")),
            "environment": stored["environment"][name],
        }
        for name in FEATURES
    }


def entries() -> list[dict]:
    """The last changes, newest first."""
    return Audit.recent(SHOWN, "rollout.")


def _checked(feature: str, value: Any) -> int:
    _known(feature)
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100):
        raise Invalid(_l("A percentage is a whole number from 0 to 100."), field=feature)
    return int(text)


def _known(feature: str) -> str:
    if feature not in FEATURES:
        raise Invalid(_l("There is no such part."))
    return feature


def _named(actor: Any) -> dict:
    return {"id": actor.id, "nickname": actor.nickname}


def _change(
    actor: dict | None,
    action: str,
    wanted: Mapping[str, int | None],
    source: str,
    environment: Mapping[str, int] | None = None,
) -> None:
    """Store percentages (None: the environment's), with their audit entries, and tell everybody."""
    for _ in range(TRIES):
        stored = Rollout.read() or _first()
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
            _write_down(entries)
            _tell()
            return
    raise Conflict(_l("Others were changing this. Please try again."))


def _write_down(entries: list[dict]) -> None:
    """Into the audit. If this process dies before that, the next one that looks does it."""
    Audit.add(entries)
    Rollout.written_down([entry["_id"] for entry in entries])


def _tell() -> None:
    updates.publish("channels", {"type": "rollout"})
    if _follower.greenlet:
        _follower.wake()


# -- following -----------------------------------------------------------------------------------


def _shares_of(stored: Mapping[str, Any]) -> dict[str, Share]:
    """What a stored document says."""
    rows = stored["features"]
    return {name: Share(rows[name]["percent"], rows[name]["stage"]) for name in FEATURES}


def _first() -> dict:
    """Store what there is to begin with, and return what is stored.

    Usually the environment. If the document was lost while processes run, what they know: others
    act on it.
    """
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


def _declare() -> None:
    """This process's environment, if it is not that of the process that started before it."""
    stored = Rollout.read() or _first()
    own = {name: rollout.environment(name) for name in FEATURES}
    if own == stored["environment"]:
        return
    followed = [n for n, row in stored["features"].items() if row["source"] == ENVIRONMENT]
    _change(None, "rollout.environment", dict.fromkeys(followed), ENVIRONMENT, own)


def _on_update(event: dict[str, Any]) -> None:
    if event.get("type") == "rollout":
        _follower.wake()


def _settle_in(app: Flask) -> None:
    with app.app_context():
        try:
            settle()
        except PyMongoError as error:
            log.debug("rollout: %s", error)
        except Exception:
            log.exception("ending a step of the rollout")


def _in_words(stored: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {share.percent} %" + ("" if share.stage == STEADY else f" ({share.stage})")
        for name, share in _shares_of(stored).items()
    )
