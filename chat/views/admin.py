"""Administration: people and their roles, invites, the site, and how the servers are."""

import pymongo
from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from chat.auth import role_required
from chat.errors import ChatError, Invalid
from chat.extensions import redis
from chat.models.base import DATABASE_GONE
from chat.rollout import FEATURES
from chat.services import accounts, invites, rollout, site
from chat.views.forms import MISTAKES, page, see, typed
from chat.views.shell import absolute_url

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
INVITE_DAYS = 7
PATIENCE = 1.5  # seconds that the status page waits for the database


@blueprint.get("", strict_slashes=False)
@role_required("admin")
def show() -> ResponseReturnValue:
    """Everything an admin changes, on one page."""
    return _show()


def _show(problem: ChatError | None = None, form: dict | None = None) -> ResponseReturnValue:
    facts = site.get_site()
    usable = invites.list_invites(current_user)
    urls = {invite["code"]: absolute_url(f"/join/{invite['code']}") for invite in usable}
    return page(
        "admin/show.html",
        problem,
        form=form or {**facts, "site_name": facts["name"]},
        people=accounts.list_accounts(current_user),
        invites=usable,
        urls=urls,
        roles=assignable_roles(),
    )


def assignable_roles() -> list[str]:
    """The roles this admin may give; only an owner makes owners."""
    return ["member", "moderator", "admin", *(["owner"] if current_user.is_owner else [])]


@blueprint.post("/site")
@role_required("admin")
def update_site() -> ResponseReturnValue:
    """The site's name, and whether anybody may register."""
    form = typed("site_name", "open_registration")
    try:
        site.update_site(current_user, form["site_name"], bool(form["open_registration"]))
    except MISTAKES as problem:
        return _show(problem, form)
    return see("/admin?saved=1")


@blueprint.post("/invites")
@role_required("admin")
def create_invite() -> ResponseReturnValue:
    """A new invite link."""
    invites.create(current_user, days=INVITE_DAYS)
    return see("/admin#invites")


@blueprint.post("/invites/<code>/revoke")
@role_required("admin")
def revoke_invite(code: str) -> ResponseReturnValue:
    """Ends an invite link."""
    invites.revoke(current_user, code)
    return see("/admin#invites")


@blueprint.post("/people/<user_id>/role")
@role_required("admin")
def set_role(user_id: str) -> ResponseReturnValue:
    """Gives a person another role."""
    try:
        accounts.set_role(current_user, user_id, request.form.get("role", ""))
    except MISTAKES as problem:
        return _people_problem(problem)
    return see("/admin#people")


@blueprint.post("/people/<user_id>/deactivate")
@role_required("admin")
def deactivate(user_id: str) -> ResponseReturnValue:
    """Ends a person's access; what they wrote stays."""
    try:
        accounts.deactivate(current_user, user_id)
    except MISTAKES as problem:
        return _people_problem(problem)
    return see("/admin#people")


@blueprint.post("/people/<user_id>/reactivate")
@role_required("admin")
def reactivate(user_id: str) -> ResponseReturnValue:
    """Lets a person in again."""
    accounts.reactivate(current_user, user_id)
    return see("/admin#people")


def _people_problem(problem: ChatError) -> ResponseReturnValue:
    problem.field = "people"
    return _show(problem)


@blueprint.get("/status")
@role_required("admin")
def show_status() -> ResponseReturnValue:
    """Whether everything works, in one sentence, and the facts behind it; the rollout."""
    return _show_status()


def _show_status(problem: ChatError | None = None, form: dict | None = None) -> ResponseReturnValue:
    mongo = current_app.extensions["chat_status"].mongo.report()
    door = redis.state()
    servers = [("MongoDB", mongo), ("Redis", door)]
    return page(
        "admin/status.html",
        problem,
        form=form or {},
        servers=servers,
        verdict=verdict(mongo, door),
        **_rollout(),
    )


def _rollout() -> dict:
    """The rollout and its last changes; nothing while the database is away."""
    try:
        with pymongo.timeout(PATIENCE):
            return {"features": rollout.overview(), "entries": rollout.entries()}
    except DATABASE_GONE:
        return {"features": None, "entries": []}


@blueprint.post("/rollout")
@role_required("admin")
def change_rollout() -> ResponseReturnValue:
    """Changes the percentages that the reader has changed, or lets the environment decide one."""
    form = typed(*FEATURES, *(f"was_{name}" for name in FEATURES), "sure", "reset")
    try:
        if not form["sure"]:
            raise Invalid(_l("Confirm that you mean it, then press the button again."), "sure")
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


def verdict(mongo: dict, door: dict) -> str:
    """One word for everything: down, degraded, slower (Redis is switched off) or ok."""
    if mongo["status"] == "down":
        return "down"
    if door["status"] == "down":
        return "degraded"
    return "disabled" if door["status"] == "disabled" else "ok"
