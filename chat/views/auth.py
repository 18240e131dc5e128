"""Setting up, logging in and out, making an account."""

from http import HTTPStatus

from flask import Blueprint, Response, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from chat.auth import first_account
from chat.auth.login import log_in, log_out
from chat.errors import ChatError, Invalid, Throttled
from chat.i18n import LANGUAGES
from chat.services import accounts, invites, site
from chat.views import errors, resubmit
from chat.views.forms import ENTRANCES, MISTAKES, page, see, typed
from chat.web import rate_limits
from chat.web.security import safe_next

blueprint = Blueprint("auth", __name__)


@blueprint.get("/setup")
def setup_form() -> ResponseReturnValue:
    """The very first page; gone once there is an account."""
    if accounts.is_set_up():
        abort(404)
    token = request.args.get("token", "")
    if not first_account.may_be_made(token):
        return _setup_closed(token)
    return page("auth/setup.html", form={"site_name": "", "token": token})


@blueprint.post("/setup")
def setup() -> ResponseReturnValue:
    """Makes the owner, the first channel and the invite that this channel then shows."""
    form = typed("site_name", "nickname", "token")
    if not accounts.is_set_up() and not first_account.may_be_made(form["token"]):
        return _setup_closed(form["token"])
    try:
        made = accounts.set_up(
            form["site_name"], form["nickname"], request.form.get("password", "")
        )
    except MISTAKES as problem:
        if accounts.is_set_up():
            abort(404)
        return page("auth/setup.html", problem, form=form)
    log_in(made["user"])
    return see(f"/channels/{made['channel']['slug']}")


def _setup_closed(given: str) -> ResponseReturnValue:
    """Where the token is found, for whoever has none or a wrong one."""
    wrong = Invalid(_("This is not the token of this server."), field="token") if given else None
    return page("auth/setup_closed.html", wrong)[0], HTTPStatus.FORBIDDEN


@blueprint.get("/login")
def login_form() -> ResponseReturnValue:
    """Nickname and password."""
    target = safe_next(request.args.get("next", "")) or ""
    if current_user.is_authenticated:
        return redirect(target or "/")
    if not accounts.is_set_up():
        return redirect("/setup")
    return page("auth/login.html", next=target)


@blueprint.post("/login")
def login() -> ResponseReturnValue:
    """One answer for an unknown nickname and a wrong password."""
    form = typed("nickname")
    target = safe_next(request.form.get("next") or request.args.get("next", "")) or ""
    try:
        with rate_limits.login_try(form["nickname"]):
            profile = accounts.authenticate(form["nickname"], request.form.get("password", ""))
            if profile is None:
                raise Invalid(_("Wrong nickname or password."))
    except (Invalid, Throttled) as problem:
        return page("auth/login.html", problem, form=form, next=target, again=resubmit.carried())
    log_in(profile)
    kept = resubmit.carried()
    return errors.logged_in_again(kept) if kept else see(target or "/")


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """Ends this session."""
    log_out()
    return see("/login")


@blueprint.get("/join/<invite>")
def join(invite: str) -> ResponseReturnValue:
    """An invite link: leads to the registration, or says that the link no longer works."""
    if current_user.is_authenticated:
        return redirect("/")
    if not invites.is_valid(invite):
        return page("auth/invite_gone.html")[0], 404
    return redirect(f"/register?invite={invite}")


@blueprint.get("/register")
def register_form() -> ResponseReturnValue:
    """Making an account: by invite, or openly where an admin allows it."""
    if current_user.is_authenticated:
        return redirect("/")
    if not accounts.is_set_up():
        return redirect("/setup")
    invite = request.args.get("invite", "")
    invited = bool(invite) and invites.is_valid(invite)
    if not invited and not site.get_site()["open_registration"]:
        return page("auth/invite_gone.html", asked=bool(invite))[0], 403
    return page("auth/register.html", form={"invite": invite if invited else ""})


@blueprint.post("/register")
def register() -> ResponseReturnValue:
    """Makes the account and logs in."""
    form = typed("nickname", "invite")
    try:
        right = accounts.right_to_register(form["invite"])
        with rate_limits.register_try(right):
            profile = accounts.register(
                form["nickname"], request.form.get("password", ""), form["invite"]
            )
    except MISTAKES as problem:
        return page("auth/register.html", problem, form=form)
    log_in(profile)
    return see("/")


@blueprint.post("/language")
def language() -> Response:
    """The language before there is an account, or until it chooses one."""
    response = see(safe_next(request.form.get("next", "")) or "/login")
    chosen = request.form.get("locale", "")
    if chosen in LANGUAGES:
        response.set_cookie(
            "locale", chosen, max_age=31536000, samesite="Lax", secure=request.is_secure
        )
    return response


def _login_again(problem: ChatError) -> ResponseReturnValue:
    target = safe_next(request.form.get("next", "")) or ""
    form, kept = typed("nickname"), resubmit.carried()
    return page("auth/login.html", problem, form=form, next=target, again=kept)


ENTRANCES["auth.login"] = _login_again
ENTRANCES["auth.register"] = lambda problem: page(
    "auth/register.html", problem, form=typed("nickname", "invite")
)
ENTRANCES["auth.setup"] = lambda problem: page(
    "auth/setup.html", problem, form=typed("site_name", "nickname", "token")
)
