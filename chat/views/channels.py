"""Channels: the way in, finding and making them, reading, their settings and people."""

from urllib.parse import quote

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from chat.auth import permissions
from chat.auth.current_user import login_required
from chat.errors import ChatError, Invalid, NotFound
from chat.services import accounts, channels, directory, messages, sidebar, users
from chat.text import integers
from chat.views import channel_page
from chat.views.forms import MISTAKES, ask, page, page_number, query_text, see, typed
from chat.views.shell import channel_url, recent_channels

blueprint = Blueprint("channels", __name__)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """The setup while there is no account, the login, or the channel read last."""
    if current_user.is_authenticated:
        return redirect(_last_channel_url())
    return redirect("/login" if accounts.is_set_up() else "/setup")


def _last_channel_url() -> str:
    last = sidebar.last_used(current_user, recent_channels())
    return channel_url(last) if last else "/channels"


@blueprint.get("/channels")
@login_required
def browse() -> ResponseReturnValue:
    """The channels one may join, a page at a time or by name, and the form for a new one."""
    return _browse()


def _browse(problem: ChatError | None = None, form: dict | None = None) -> ResponseReturnValue:
    typed_name, show = query_text("q"), request.args.get("show", "")
    show = show if show in directory.KINDS else directory.ALL
    return page(
        "channels/browse.html",
        problem,
        found=directory.find(current_user, typed_name, show, page_number()),
        q=typed_name,
        show=show,
        left=_left(),
        form=form or {"kind": "public"},
    )


def _left() -> dict | None:
    """The channel that a notice says the reader has left."""
    try:
        channel = permissions.get_channel_for(current_user, request.args.get("who", ""))
    except NotFound:
        return None
    view = channels.view_for(current_user, channel)
    return None if view["member"] else view


@blueprint.post("/channels")
@login_required
def create() -> ResponseReturnValue:
    """Makes a channel and opens it."""
    form = typed("name", "topic", "kind")
    try:
        kind = form["kind"] if form["kind"] in ("public", "private") else "public"
        view = channels.create(current_user, form["name"], topic=form["topic"], kind=kind)
    except MISTAKES as problem:
        return _browse(problem, form)
    return see(channel_url(view))


@blueprint.get("/channels/<slug>")
@login_required
def show(slug: str) -> ResponseReturnValue:
    """A channel: its newest messages, or those before ?before=."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    return _elsewhere(channel, slug) or channel_page.show(channel)


def _elsewhere(channel: dict, slug: str, rest: str = "") -> ResponseReturnValue | None:
    """To its one address: it was renamed, or its address was spelled in another way."""
    if channel["slug"] == slug:
        return None
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    return redirect(f"/channels/{quote(channel['slug'])}{rest}{query}", code=301)


@blueprint.get("/channels/<slug>/m/<int:seq>")
@login_required
def permalink(slug: str, seq: int) -> ResponseReturnValue:
    """A message among those around it; the page scrolls to it."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    there = _elsewhere(channel, slug, f"/m/{seq}")
    return there or channel_page.show(channel, around=seq, target_seq=seq)


@blueprint.post("/channels/<slug>/join")
@login_required
def join(slug: str) -> ResponseReturnValue:
    """Joins a public channel."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    channels.join(current_user, channel["id"])
    return see(channel_url(channel))


@blueprint.get("/channels/<slug>/leave")
@login_required
def ask_leave(slug: str) -> ResponseReturnValue:
    """Asks once."""
    view = channels.view_for(current_user, permissions.get_channel_by_slug_for(current_user, slug))
    private = view["kind"] == "private"
    return ask(
        _("Leave “%(channel)s”?", channel=view["title"]),
        _("Only a member can add you again.") if private else _("You can join again at any time."),
        _("Leave"),
        f"/channels/{quote(view['slug'])}/settings",
    )


@blueprint.post("/channels/<slug>/leave")
@login_required
def leave(slug: str) -> ResponseReturnValue:
    """Leaves a channel."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    channels.leave(current_user, channel["id"])
    return see(f"/channels?done=left&who={channel['id']}")


@blueprint.post("/channels/<slug>/read")
@login_required
def read(slug: str) -> ResponseReturnValue:
    """Marks everything up to `seq` as read."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    seq = request.form.get("seq", type=integers.nearest)
    if seq is None:
        raise Invalid(_("Say which message you have read up to."), field="seq")
    messages.mark_read(current_user, channel["id"], seq)
    return see(channel_url(channel))


@blueprint.get("/channels/<slug>/settings")
@login_required
def settings_form(slug: str) -> ResponseReturnValue:
    """Name, topic, people, leaving and archiving."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    return _elsewhere(channel, slug, "/settings") or _settings(channel)


def _settings(
    channel: dict, problem: ChatError | None = None, form: dict | None = None
) -> ResponseReturnValue:
    view = channels.view_for(current_user, channel)
    if view["kind"] == "direct":
        raise NotFound()
    return page(
        "channels/settings.html",
        problem,
        channel=view,
        current_channel_id=view["id"],
        can_manage=channels.can_manage(current_user, channel),
        members=users.members_of(current_user, view["id"]),
        changed=_changed(),
        form=form or {"name": view["name"], "topic": view["topic"]},
    )


def _changed() -> dict | None:
    """Whom a notice on the page is about."""
    try:
        return users.get_person(request.args.get("who", ""))
    except NotFound:
        return None


@blueprint.post("/channels/<slug>/settings")
@login_required
def update(slug: str) -> ResponseReturnValue:
    """Renames a channel or sets its topic."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    form = typed("name", "topic")
    try:
        changed = channels.update(current_user, channel["id"], **form)
    except MISTAKES as problem:
        return _settings(channel, problem, form)
    return see(f"/channels/{(changed or channel)['slug']}")


@blueprint.post("/channels/<slug>/people")
@login_required
def add_person(slug: str) -> ResponseReturnValue:
    """Adds a person to a private channel, by nickname."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    nickname = request.form.get("nickname", "").strip()
    try:
        person = users.get_by_nickname(nickname)
        channels.add_person(current_user, channel["id"], person["id"])
    except NotFound:
        again = Invalid(_("There is no one with this nickname."), field="nickname")
        form = {"name": channel["name"], "topic": channel["topic"], "nickname": nickname}
        return _settings(channel, again, form)
    return _told(channel, "added", person["id"])


def _told(channel: dict, done: str, user_id: str) -> ResponseReturnValue:
    where = f"/channels/{quote(channel['slug'])}/settings"
    return see(f"{where}?done={done}&who={user_id}#people")


@blueprint.get("/channels/<slug>/people/<user_id>/remove")
@login_required
def ask_remove_person(slug: str, user_id: str) -> ResponseReturnValue:
    """Asks once."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    permissions.require_manager(current_user, channel)
    person = users.get_person(user_id)
    names = {"nickname": person["nickname"], "channel": channel["name"]}
    text = (
        _("They can't read it until a member adds them again. Their messages stay.")
        if channel["kind"] == "private"
        else _("They can join again. Their messages stay.")
    )
    back = f"/channels/{quote(channel['slug'])}/settings#people"
    return ask(_("Remove %(nickname)s from “%(channel)s”?", **names), text, _("Remove"), back)


@blueprint.post("/channels/<slug>/people/<user_id>/remove")
@login_required
def remove_person(slug: str, user_id: str) -> ResponseReturnValue:
    """Takes a person out of a private channel."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    channels.remove_person(current_user, channel["id"], user_id)
    return _told(channel, "removed", user_id)


@blueprint.get("/channels/<slug>/archive")
@login_required
def ask_archive(slug: str) -> ResponseReturnValue:
    """Asks once."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    permissions.require_manager(current_user, channel)
    return ask(
        _("Archive “%(channel)s”?", channel=channel["name"]),
        _("Its members can still read it, but nobody can post. You can reopen it later."),
        _("Archive"),
        f"/channels/{quote(channel['slug'])}/settings",
    )


@blueprint.post("/channels/<slug>/archive")
@login_required
def archive(slug: str) -> ResponseReturnValue:
    """Closes a channel for writing, or (archived=0) opens it again."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    change = channels.unarchive if request.form.get("archived") == "0" else channels.archive
    change(current_user, channel["id"])
    done = "reopened" if change is channels.unarchive else "archived"
    return see(f"/channels/{quote(channel['slug'])}/settings?done={done}")
