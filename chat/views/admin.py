"""Administration: people and their roles, invites, and the site. How it runs: ``status``."""

from contextlib import suppress
from urllib.parse import urlencode

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from chat.auth.current_user import role_required
from chat.errors import ChatError, NotFound
from chat.services import accounts, invites, site, users
from chat.views.forms import MISTAKES, ask, page, page_number, query_text, see, typed
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
    usable = invites.list_invites(current_user, page_number("invites"))
    urls = {invite["code"]: absolute_url(f"/join/{invite['code']}") for invite in usable.items}
    return page(
        "admin/show.html",
        problem,
        form=form or {**facts, "site_name": facts["name"]},
        people=accounts.list_accounts(current_user, query_text("q"), page_number()),
        changed=accounts.get_account(current_user, request.args.get("who", "")),
        place=_place(),
        invites=usable,
        urls=urls,
        invite_days=INVITE_DAYS,
        roles=assignable_roles(),
    )


def _place() -> dict[str, str]:
    """Where the admin is in the list of people: what is looked for, and the page."""
    number = page_number()
    given = {"q": query_text("q"), "page": str(number) if number > 1 else ""}
    return {name: value for name, value in given.items() if value}


def _people_url(**said: str) -> str:
    """The list of people where the admin was."""
    query = urlencode(said | _place())
    return f"/admin?{query}#people" if query else "/admin#people"


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
    made = invites.create(current_user, days=INVITE_DAYS)
    return see(f"/admin?new={made['code']}#invites")


@blueprint.get("/invites/<code>/revoke")
@role_required("admin")
def ask_revoke_invite(code: str) -> ResponseReturnValue:
    """Asks once."""
    return ask(
        _("Revoke this invite link?"),
        _("Nobody can join with it any more, wherever it was sent. You can create a new one."),
        _("Revoke link"),
        "/admin#invites",
    )


@blueprint.post("/invites/<code>/revoke")
@role_required("admin")
def revoke_invite(code: str) -> ResponseReturnValue:
    """Ends an invite link."""
    with suppress(NotFound):  # in another tab, or by another admin: it is over, as was wanted
        invites.revoke(current_user, code)
    return see("/admin?done=revoked#invites")


@blueprint.post("/people/<user_id>/role")
@role_required("admin")
def set_role(user_id: str) -> ResponseReturnValue:
    """Gives a person another role."""
    try:
        accounts.set_role(current_user, user_id, request.form.get("role", ""))
    except MISTAKES as problem:
        return _people_problem(problem)
    return _told("role", user_id)


@blueprint.get("/people/<user_id>/deactivate")
@role_required("admin")
def ask_deactivate(user_id: str) -> ResponseReturnValue:
    """Asks once."""
    try:
        person = users.get_person(user_id)
    except NotFound:  # in another tab it is done already
        return see(_people_url())
    return ask(
        _("Deactivate %(nickname)s?", nickname=person["nickname"]),
        _(
            "They are logged out on all devices at once, and their tokens stop working. Their "
            "messages stay. You can reactivate the account at any time."
        ),
        _("Deactivate"),
        _people_url(),
        **_place(),
    )


@blueprint.post("/people/<user_id>/deactivate")
@role_required("admin")
def deactivate(user_id: str) -> ResponseReturnValue:
    """Ends a person's access; what they wrote stays."""
    try:
        accounts.deactivate(current_user, user_id)
    except MISTAKES as problem:
        return _people_problem(problem)
    return _told("deactivated", user_id)


@blueprint.post("/people/<user_id>/reactivate")
@role_required("admin")
def reactivate(user_id: str) -> ResponseReturnValue:
    """Lets a person in again."""
    accounts.reactivate(current_user, user_id)
    return _told("reactivated", user_id)


def _told(done: str, user_id: str) -> ResponseReturnValue:
    return see(_people_url(done=done, who=user_id))


def _people_problem(problem: ChatError) -> ResponseReturnValue:
    problem.field = "people"
    return _show(problem)
