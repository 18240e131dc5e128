"""People: one's own settings, and writing to others directly."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from chat.auth import permissions
from chat.auth.current_user import login_required
from chat.errors import ChatError, Invalid, NotFound, Throttled
from chat.services import accounts, directs, tokens, users
from chat.views import channel_page
from chat.views.forms import MISTAKES, ask, page, see, typed
from chat.views.messages import post_typed
from chat.views.shell import channel_url, person_url

blueprint = Blueprint("users", __name__)
# As many people as a page can usefully list; the switcher finds the rest.
LISTED = 500


@blueprint.get("/settings")
@login_required
def settings_form() -> ResponseReturnValue:
    """Status, language, theme, password, tokens."""
    return _settings()


def _settings(problem: ChatError | None = None, **values: Any) -> ResponseReturnValue:
    mine = {
        "status": current_user.status or "",
        "locale": current_user.locale or "",
        "theme": current_user.theme or "system",
    }
    values.setdefault("form", mine)
    return page("users/settings.html", problem, tokens=tokens.list_tokens(current_user), **values)


@blueprint.post("/settings")
@login_required
def update() -> ResponseReturnValue:
    """Status, language and theme."""
    form = typed("status", "locale", "theme")
    try:
        accounts.update_settings(current_user, **form)
    except MISTAKES as problem:
        return _settings(problem, form=form)
    return see("/settings?saved=1")


@blueprint.post("/settings/password")
@login_required
def change_password() -> ResponseReturnValue:
    """A new password; every other session ends."""
    try:
        accounts.change_password(
            current_user,
            request.form.get("old_password", ""),
            request.form.get("new_password", ""),
            keep_tokens=bool(request.form.get("keep_tokens")),
        )
    except MISTAKES as problem:
        return _settings(problem)
    return see("/settings?saved=password")


@blueprint.get("/settings/sessions/end")
@login_required
def ask_end_other_sessions() -> ResponseReturnValue:
    """Asks once."""
    return ask(
        _("Log out on all other devices?"),
        _("You stay logged in here. Everywhere else you need your password again."),
        _("Log out other devices"),
        "/settings#sessions",
    )


@blueprint.post("/settings/sessions/end")
@login_required
def end_other_sessions() -> ResponseReturnValue:
    """Signs out everywhere else."""
    accounts.end_other_sessions(current_user)
    return see("/settings?saved=sessions#sessions")


@blueprint.post("/settings/tokens")
@login_required
def create_token() -> ResponseReturnValue:
    """Makes a token and shows it this once, which is why this does not redirect."""
    form = typed("name")
    try:
        made = tokens.create(current_user, form["name"], request.form.get("password", ""))
    except Throttled as problem:
        return _settings(problem, token_name=form["name"])
    except MISTAKES as problem:
        field = "token_password" if getattr(problem, "field", "") == "password" else "token_name"
        return _settings(Invalid(problem.detail, field=field), token_name=form["name"])
    response = make_response(_settings(made=made))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/settings/tokens/<token_id>/revoke")
@login_required
def ask_revoke_token(token_id: str) -> ResponseReturnValue:
    """Asks once."""
    mine = {token["id"]: token["name"] for token in tokens.list_tokens(current_user)}
    if token_id not in mine:
        return see("/settings#tokens")
    return ask(
        _("Revoke the token “%(name)s”?", name=mine[token_id]),
        _("Whatever uses it stops working at once. You can't undo this."),
        _("Revoke"),
        "/settings#tokens",
    )


@blueprint.post("/settings/tokens/<token_id>/revoke")
@login_required
def revoke_token(token_id: str) -> ResponseReturnValue:
    """Ends a token."""
    with suppress(NotFound):  # in another tab: it is over, as was wanted
        tokens.revoke(current_user, token_id)
    return see("/settings?done=revoked#tokens")


@blueprint.get("/dm")
@login_required
def new_direct() -> ResponseReturnValue:
    """Whom to write to: one person, or up to seven."""
    return _new_direct()


def _new_direct(problem: ChatError | None = None) -> ResponseReturnValue:
    found, _next = users.list_people(LISTED, None)
    others = [person for person in found if person["id"] != current_user.id]
    others.sort(key=lambda person: person["nickname"].casefold())
    chosen = request.form.getlist("user")
    return page("users/new_direct.html", problem, people=others, chosen=chosen)


@blueprint.post("/dm")
@login_required
def open_direct() -> ResponseReturnValue:
    """Opens the conversation of the chosen people, making it when there is none."""
    chosen = request.form.getlist("user")
    try:
        if not chosen:
            raise Invalid(_("Choose at least one person."), field="users")
        view = directs.open_direct(current_user, chosen)
    except MISTAKES as problem:
        return _new_direct(problem)
    return see(channel_url(view))


@blueprint.get("/dm/<nickname>")
@login_required
def direct(nickname: str) -> ResponseReturnValue:
    """The conversation with a person; nothing is made until the first message."""
    profile, view = directs.find_direct(current_user, nickname)
    if profile["nickname"] != nickname:  # in another case, or composed in another way
        return redirect(person_url(profile["nickname"]), code=301)
    if view is None:
        return channel_page.show_unwritten(profile)
    return channel_page.show(permissions.get_channel_for(current_user, view["id"]))


@blueprint.post("/dm/<nickname>")
@login_required
def post_direct(nickname: str) -> ResponseReturnValue:
    """The first message to a person opens the conversation."""
    profile, view = directs.find_direct(current_user, nickname)
    if view is None and not request.form.get("text", "").strip():
        return channel_page.show_unwritten(profile, Invalid(_("Write something first.")))
    view = view or directs.open_direct(current_user, [profile["id"]])
    try:
        message = post_typed(view["id"])
    except Invalid as problem:
        return channel_page.show(permissions.get_channel_for(current_user, view["id"]), problem)
    return see(f"{channel_url(view)}#m{message['seq']}")
