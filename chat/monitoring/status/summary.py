"""Is it OK? The overall verdict in one plain sentence, and what to do.

It names only the title of an alert: the page shows its figure and its advice right below.
"""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from chat.cache import fire_drill
from chat.models.driver import DENIALS, DISK_FULL
from chat.monitoring.status import alert_texts
from chat.monitoring.status.alert_rules import INFO, Rule, State
from chat.monitoring.status.formats import when

OK, WARN, DOWN = "ok", "degraded", "down"
Active = list[tuple[Rule, State]]


@dataclass(frozen=True)
class StatusVerdict:
    """``state`` is ok, degraded or down; ``retry`` is the time until the next try in seconds."""

    state: str
    sentence: str
    advice: str = ""
    retry: float | None = None


def _of_mongo(error: str | None, since: str) -> tuple[str, str]:
    """(sentence, advice) for a MongoDB that cannot be used."""
    if error in DENIALS:
        return (
            _("MongoDB has not let us read and write since %(time)s: nobody can send or change "
              "anything. What was sent is safe, and browsers keep what is written now.",
              time=since),
            _("Check the user, the password and authSource in MONGODB_URI, and that the user has "
              "the role readWrite; the chat goes on by itself."),
        )  # fmt: skip
    if error == DISK_FULL:
        return (
            _("The disk of the MongoDB server has been full since %(time)s: nobody can send or "
              "change anything. What was sent is safe, and browsers keep what is being written.",
              time=since),
            _("Free space on the disk of the MongoDB server, or give it a larger one. The chat "
              "recovers by itself."),
        )  # fmt: skip
    return (
        _("MongoDB has not responded since %(time)s: nobody can send or change anything. What "
          "was sent is safe, and browsers keep what is being written.",
          time=since),
        _("Check the MongoDB server, its disk and the network. The chat recovers by itself."),
    )  # fmt: skip


def decide(
    mongo: dict[str, Any],
    door: dict[str, Any],
    others_up: bool,
    active: Active,
    left: float,
    outage: dict[str, float] | None = None,
) -> StatusVerdict:
    """The verdict.

    ``door``: this process's view of Redis. ``others_up``: whether all processes have Redis.
    ``outage``: counts since they all had it: ``posts`` tried, ``failed`` ones, ``lost`` sessions.
    """
    if mongo["status"] == "down":
        return StatusVerdict(
            DOWN, *_of_mongo(mongo["error"], when(mongo["since"])), mongo["next_retry_s"]
        )
    if (phase := fire_drill.phase()) != fire_drill.NONE:
        return _of_drill(phase, left)
    if door["status"] == "down":
        return StatusVerdict(
            WARN,
            _("Running without Redis since %(time)s.", time=when(door["since"]))
            + " " + _effect(outage or {}),
            _("Check the Redis server and REDIS_URL. The chat reconnects by itself."),
            door["next_retry_s"],
        )  # fmt: skip
    if door["status"] == "up" and not others_up:
        return StatusVerdict(
            WARN,
            _("Some processes are running without Redis.") + " " + _effect(outage or {}),
            _("Check the network between them and Redis. They reconnect by themselves."),
        )
    return _of_alerts(door, active)


def _effect(counted: dict[str, float]) -> str:
    """The effect on people, by the counts; if nobody has posted, the expected effect."""
    if failed := int(counted.get("failed", 0)):
        return ngettext(
            "%(num)s message could not be sent since.",
            "%(num)s messages could not be sent since.",
            failed,
        )
    if lost := int(counted.get("lost", 0)):
        return ngettext(
            "%(num)s request came with an unknown session.",
            "%(num)s requests came with an unknown session.",
            lost,
        )
    if counted.get("posts"):
        return _("No one is affected: everyone can keep writing; pages are a little slower.")
    return _("Messages and log-ins keep working; pages are a little slower.")


def _of_drill(phase: str, left: float) -> StatusVerdict:
    if phase == fire_drill.NEAR:
        said = _("The fire drill is starting: in a moment, nothing here will use Redis.")
        return StatusVerdict(WARN, said, _("Nothing to do."))
    if phase == fire_drill.BACK:
        said = _("The fire drill is over: reconnecting to Redis.")
        return StatusVerdict(WARN, said, _("Nothing to do."))
    return StatusVerdict(
        WARN,
        ngettext(
            "Fire drill: running without Redis on purpose for %(num)s more second.",
            "Fire drill: running without Redis on purpose for %(num)s more seconds.",
            round(left),
        ),
        _("Nothing to do: it ends by itself. Keep chatting, and read the report afterwards."),
    )


def _of_alerts(door: dict[str, Any], active: Active) -> StatusVerdict:
    grave = [(rule, state) for rule, state in active if rule.severity != INFO]
    if grave:
        return StatusVerdict(
            WARN, _("Working, with issues: %(what)s.", what=alert_texts.title(grave[0][0].name))
        )
    if door["status"] == "disabled":
        return StatusVerdict(
            OK,
            _("Everything works. Redis is turned off, so all responses come from MongoDB."),
            _("To use Redis, unset DISABLE_REDIS and set REDIS_URL."),
        )
    if active:
        return StatusVerdict(
            OK, _("Everything works. %(what)s.", what=alert_texts.title(active[0][0].name))
        )
    return StatusVerdict(OK, _("Everything works."), _("Nothing to do."))
