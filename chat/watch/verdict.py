"""Is it OK? One sentence for everything, in plain words, and what to do.

Of an alert it says the name: its figure and its advice stand right below.
"""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from chat.i18n import clock
from chat.watch import drill, words
from chat.watch.alerts import INFO, Rule, State

OK, WARN, DOWN = "ok", "degraded", "down"
Active = list[tuple[Rule, State]]


@dataclass(frozen=True)
class Verdict:
    """``state`` is ok, degraded or down; ``retry`` the seconds until the next try, if any."""

    state: str
    sentence: str
    advice: str = ""
    retry: float | None = None


def decide(
    mongo: dict[str, Any], door: dict[str, Any], others_up: bool, active: Active, left: float
) -> Verdict:
    """``door`` is this process's view of Redis; ``others_up`` whether all processes have it."""
    if mongo["status"] == "down":
        return Verdict(
            DOWN,
            _("MongoDB has not answered since %(time)s: nobody can send or change anything. What "
              "was sent is safe, and browsers keep what is written now.",
              time=clock(mongo["since"])),
            _("Look at the MongoDB server, its disk and the network; the chat goes on by itself."),
            mongo["next_retry_s"],
        )  # fmt: skip
    if (phase := drill.phase()) != drill.NONE:
        return _of_drill(phase, left)
    if door["status"] == "down":
        return Verdict(
            WARN,
            _("Running without Redis since %(time)s. Nobody is affected: everybody goes on "
              "writing, and pages are a little slower.", time=clock(door["since"])),
            _("Look at the Redis server and REDIS_URL; the chat comes back to it by itself."),
            door["next_retry_s"],
        )  # fmt: skip
    if door["status"] == "up" and not others_up:
        return Verdict(
            WARN,
            _("Some processes run without Redis. Nobody is affected: everybody goes on writing, "
              "and pages are a little slower."),
            _("Look at the network between them and Redis; they come back to it by themselves."),
        )  # fmt: skip
    return _of_alerts(door, active)


def _of_drill(phase: str, left: float) -> Verdict:
    if phase == drill.NEAR:
        return Verdict(WARN, _("A fire drill begins: in a moment nothing here uses Redis."))
    if phase == drill.BACK:
        return Verdict(WARN, _("The fire drill is over: Redis is being taken up again."))
    return Verdict(
        WARN,
        ngettext(
            "Fire drill: working without Redis on purpose, for %(num)s more second.",
            "Fire drill: working without Redis on purpose, for %(num)s more seconds.",
            round(left),
        ),
        _("Nothing to do; it ends by itself. Go on chatting, and read the report afterwards."),
    )


def _of_alerts(door: dict[str, Any], active: Active) -> Verdict:
    grave = [(rule, state) for rule, state in active if rule.severity != INFO]
    if grave:
        return Verdict(WARN, _("It works, but: %(what)s.", what=words.title(grave[0][0].name)))
    if door["status"] == "disabled":
        return Verdict(
            OK,
            _("Everything works. Redis is switched off, so all answers come from MongoDB alone."),
            _("To use Redis, unset DISABLE_REDIS and say where it is (REDIS_URL)."),
        )
    if active:
        return Verdict(OK, _("Everything works. %(what)s.", what=words.title(active[0][0].name)))
    return Verdict(OK, _("Everything works."), _("Nothing to do."))
