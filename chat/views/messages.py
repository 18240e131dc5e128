"""Messages without JavaScript: posting, editing, deleting; and the address of one message."""

import secrets
from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from chat.auth import permissions
from chat.auth.current_user import login_required
from chat.errors import ChatError, Conflict, Invalid, NotFound
from chat.services import messages
from chat.views import channel_page
from chat.views.forms import MISTAKES, page, see
from chat.views.shell import absolute_url, channel_url

blueprint = Blueprint("messages", __name__)


@blueprint.post("/channels/<slug>/messages")
@login_required
def post(slug: str) -> ResponseReturnValue:
    """Stores a message once, however often the form is sent; a mistake keeps the text."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    try:
        message = post_typed(channel["id"])
    except Invalid as problem:
        return channel_page.show(channel, problem)
    return see(f"{channel_url(channel)}#m{message['seq']}")


def post_typed(channel_id: str) -> dict:
    """Posts the text of the form; the form's client_id makes a second press harmless."""
    client_id = request.form.get("client_id") or secrets.token_urlsafe(16)
    text = request.form.get("text", "")
    # The writer's own lines end in CRLF in a form, and in LF everywhere else.
    message, _created = messages.post(
        current_user, channel_id, text.replace("\r\n", "\n"), client_id
    )
    return message


@blueprint.get("/messages/<message_id>")
@login_required
def permalink(message_id: str) -> ResponseReturnValue:
    """The address of a message, whatever its channel is called today."""
    message, channel = _message(message_id)
    return redirect(_permalink(channel, message))


def _message(message_id: str) -> tuple[dict, dict]:
    message = permissions.get_message_for(current_user, message_id)
    return message, permissions.get_channel_for(current_user, message["channel"])


def _permalink(channel: dict, message: dict) -> str:
    return f"/channels/{channel['slug']}/m/{message['seq']}#m{message['seq']}"


@blueprint.get("/messages/<message_id>/actions")
@login_required
def actions(message_id: str) -> ResponseReturnValue:
    """Everything that the reader can do with a message."""
    message, channel = _message(message_id)
    may_write = permissions.is_member(current_user, channel) and not channel["archived"]
    is_own = message["author"]["id"] == current_user.id
    return _form(
        "messages/actions.html",
        message,
        channel,
        link=absolute_url(f"/messages/{message_id}"),
        may_edit=may_write and is_own,
        may_delete=may_write and (is_own or current_user.is_moderator),
    )


@blueprint.get("/messages/<message_id>/edit")
@login_required
def edit_form(message_id: str) -> ResponseReturnValue:
    """The form for a new text."""
    message, channel = _message(message_id)
    if message["deleted"]:
        raise NotFound()
    return _form("messages/edit.html", message, channel, text=message["text"])


@blueprint.get("/messages/<message_id>/delete")
@login_required
def delete_form(message_id: str) -> ResponseReturnValue:
    """Asks once."""
    message, channel = _message(message_id)
    if message["deleted"]:
        raise NotFound()
    return _form("messages/delete.html", message, channel)


def _form(
    template: str,
    message: dict,
    channel: dict,
    problem: ChatError | None = None,
    text: str = "",
    **values: Any,
) -> ResponseReturnValue:
    return page(
        template,
        problem,
        message=message,
        channel=channel,
        current_channel_id=channel["id"],
        form={"text": text},
        back=_permalink(channel, message),
        **values,
    )


@blueprint.post("/channels/<slug>/messages/<message_id>/edit")
@login_required
def edit(slug: str, message_id: str) -> ResponseReturnValue:
    """Changes the text of one's own message."""
    text = request.form.get("text", "").replace("\r\n", "\n")
    try:
        message, channel = _message(message_id)
        messages.edit(current_user, message_id, text)
    except NotFound:
        return _post_anew(slug)
    except MISTAKES as problem:
        return _form("messages/edit.html", message, channel, problem, text)
    return see(_permalink(channel, message))


def _post_anew(slug: str) -> ResponseReturnValue:
    """The message was deleted meanwhile: its new text stands in the composer."""
    channel = permissions.get_channel_by_slug_for(current_user, slug)
    if channel["archived"] or not permissions.is_member(current_user, channel):
        raise NotFound
    gone = _("This message has been deleted in the meantime. You can post your text as a new one.")
    problem = Conflict(gone)
    problem.field = "text"
    return channel_page.show(channel, problem)


@blueprint.post("/channels/<slug>/messages/<message_id>/delete")
@login_required
def delete(slug: str, message_id: str) -> ResponseReturnValue:
    """Removes the text for everybody; a placeholder keeps the order."""
    message, channel = _message(message_id)
    messages.delete(current_user, message_id)
    return see(f"{channel_url(channel)}#m{message['seq']}")
