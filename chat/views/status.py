"""Whether everything works: the status page, the rollout, and what admins can do about it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from chat.auth.current_user import role_required
from chat.cache import fire_drill
from chat.errors import ChatError, Invalid, NotFound, Unavailable
from chat.models import Drill
from chat.monitoring.status import drill_reports, time_budget
from chat.monitoring.status import page as status_page
from chat.redis.client import redis
from chat.rollout import FEATURES
from chat.services import controls, rollout
from chat.views.forms import MISTAKES, page, see, typed

blueprint = Blueprint("status_page", __name__, url_prefix="/admin")
EMPTY = "empty-"
SOON = 30  # seconds after a drill in which its report comes, if it comes


@blueprint.get("/status")
@role_required("admin")
def show_status() -> ResponseReturnValue:
    """Whether everything works, in one sentence, the facts behind it, and the controls."""
    return _show_status()


@blueprint.get("/status/now")
@role_required("admin")
def show_now() -> ResponseReturnValue:
    """The part of the page that changes by itself, for a page that is open."""
    unknown: dict[str, int] = {}
    killed = time_budget.ask(rollout.killed, unknown)
    return render_template(
        "admin/now.html",
        disabled=not redis.enabled,
        killed=killed,
        **status_page.live(),
        **_last_drill(),
    )


def _show_status(problem: ChatError | None = None, form: dict | None = None) -> ResponseReturnValue:
    return page(
        "admin/status.html",
        problem,
        form=form or {},
        disabled=not redis.enabled,
        **status_page.live(),
        **_last_drill(),
        **_rollout(),
    )


def _rollout() -> dict[str, Any]:
    """The rollout and what was done last; neither is known while the database is away."""
    nothing: dict[str, Any] = {"features": None, "entries": None, "killed": {}}
    return time_budget.ask(
        lambda: {
            "features": rollout.overview(),
            "entries": controls.entries(),
            "killed": rollout.killed(),
        },
        nothing,
    )


def _last_drill() -> dict[str, Any]:
    """The last fire drill and its report; None if there was none, or nobody can say."""
    unknown: dict[str, Any] | None = {}
    stored = time_budget.ask(Drill.read, unknown)
    if not stored:
        return {"drill": None, "drill_known": stored is None}
    report = drill_reports.read(stored)
    missing = not report["known"] and stored["left_ms"] < -1000 * SOON
    return {"drill": {**report, "at": stored["at"].isoformat(), "by": stored["by"]["nickname"],
                      "seconds": stored["seconds"], "stopped": stored["stopped"],
                      "missing": missing}}  # fmt: skip


# -- the rollout ---------------------------------------------------------------------------------


@blueprint.post("/rollout")
@role_required("admin")
def change_rollout() -> ResponseReturnValue:
    """Changes the percentages that the reader has changed, or lets the environment decide one."""
    form = typed(*FEATURES, *(f"was_{name}" for name in FEATURES), "sure", "reset")
    try:
        if not form["sure"]:
            raise Invalid(_l("Tick the box to confirm, then press the button again."), "sure")
        if form["reset"]:
            rollout.reset(current_user, form["reset"])
        else:
            rollout.change(current_user, _changed(form))
    except MISTAKES as problem:
        return _show_status(problem, form)
    return see("/admin/status?saved=1#rollout")


def _changed(form: dict[str, str]) -> dict[str, str]:
    """What differs from what the page showed: another admin may have changed the rest."""
    sent = {name: form[name].strip() for name in FEATURES if name in request.form}
    return {name: value for name, value in sent.items() if value != form[f"was_{name}"]}


# -- what is asked once, and then done -----------------------------------------------------------

Act = Callable[[], object]


def _act(what: str) -> Act:
    """What a control does."""
    feature = what.removeprefix(EMPTY)
    if what.startswith(EMPTY) and feature in FEATURES:
        return lambda: controls.empty(current_user, feature)
    acts: dict[str, Act] = {
        "kill": lambda: rollout.kill(current_user),
        "back": lambda: rollout.back(current_user),
        "drill": lambda: controls.start_drill(current_user, request.form.get("seconds", "")),
        "stop-drill": lambda: controls.stop_drill(current_user),
    }
    if what not in acts:
        raise NotFound
    return acts[what]


@blueprint.get("/control/<what>")
@role_required("admin")
def ask(what: str) -> ResponseReturnValue:
    """Says what is going to happen, and asks whether that is meant."""
    return _ask(what)


def _ask(what: str, problem: ChatError | None = None) -> ResponseReturnValue:
    _act(what)
    return page(
        "admin/sure.html",
        problem,
        what=what.partition("-")[0] if what.startswith(EMPTY) else what,
        feature=what.removeprefix(EMPTY),
        form={"seconds": request.form.get("seconds", fire_drill.USUAL)},
        least=fire_drill.LEAST,
        most=fire_drill.MOST,
    )


@blueprint.post("/control/<what>")
@role_required("admin")
def do(what: str) -> ResponseReturnValue:
    """Does it."""
    act = _act(what)
    try:
        act()
    except (*MISTAKES, Unavailable) as problem:
        return _ask(what, problem)
    return see("/admin/status?done=1#controls")
