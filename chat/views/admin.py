"""Administration: people and their roles, invites, and the site. How it runs: ``status``."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from chat.auth import role_required
from chat.errors import ChatError
from chat.services import accounts, invites, site
from chat.views.forms import MISTAKES, page, see, typed
from chat.views.shell import absolute_url

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
INVITE_DAYS = 7


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
