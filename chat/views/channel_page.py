"""The page of a channel, whoever asks for it: by slug, by nickname, at a message, or after a
message that could not be sent."""

import secrets
from typing import Any

from flask import Response, current_app, make_response, request
from flask_login import current_user

from chat import presence
from chat.auth import permissions
from chat.errors import ChatError
from chat.models import base
from chat.pages import fragments
from chat.pages.message_rows import (
    MEMBER_LINES,
    MOST_MEMBERS,
    member_data,
    member_list,
    members_without_line,
    message_list,
)
from chat.protocol import HISTORY_PAGE
from chat.services import channels, invites, messages, users
from chat.text import integers
from chat.views import unread
from chat.views.forms import errors_of
from chat.views.shell import (
    MOST_RECENT,
    RECENT_COOKIE,
    absolute_url,
    channel_url,
    edition,
    other_of,
    recent_channels,
)

# A first channel with hardly anything and hardly anybody in it: admins see the invite link there.
YOUNG = 10
FEW = 3
PART = "X-Part"


def show(
    channel: dict, problem: ChatError | None = None, around: int | None = None, **values: Any
) -> Response:
    """The newest messages, those before ?before=, or those around a message."""
    view = channels.view_for(current_user, channel)
    found, more, newer, view["rev"] = _history(view, around)
    members = users.members_of(current_user, view["id"])
    new_seq, skipped = unread.where(view, found)
    response = _render(
        view,
        problem,
        messages=found,
        new_seq=new_seq,
        skipped=skipped,
        more=more,
        newer=newer,
        members=members,
        can_manage=channels.can_manage(current_user, channel),
        invite_url=_invite_url(view, len(found), len(members)),
        **values,
    )
    return _remember(response, view)


def show_unwritten(profile: dict, problem: ChatError | None = None) -> Response:
    """The empty page of a conversation that starts with the first message."""
    view = {
        "id": "", "slug": "", "kind": "direct", "title": profile["nickname"], "topic": "",
        "archived": False, "member": True, "unread": 0, "people": [current_user.id, profile["id"]],
    }  # fmt: skip
    sides = users.get_people(view["people"])
    return _render(view, problem, messages=[], more=False, newer=False, members=sides)


def _history(view: dict, around: int | None) -> tuple[list[dict], bool, bool, int]:
    """(messages oldest first, whether there are earlier ones, whether there are later ones, the
    rev up to which they are complete)."""
    before = request.args.get("before", type=integers.nearest)
    if around is None and before is None:
        found, more, rev = messages.newest(current_user, view["id"], limit=HISTORY_PAGE)
        return found, more, False, rev
    # Before the messages: what changes in between is sent again, which does no harm.
    rev = messages.last_numbers(current_user, view["id"])[1]
    if around is not None:
        return *messages.around(current_user, view["id"], around, limit=HISTORY_PAGE), rev
    found, more = messages.history(current_user, view["id"], before=before, limit=HISTORY_PAGE)
    return found, more, _has_later(found, view), rev


def _has_later(found: list[dict], view: dict) -> bool:
    return not found or found[-1]["seq"] < view["last_seq"]


def _invite_url(view: dict, shown: int, members: int) -> str:
    """Where the team begins, for who may invite, until it has: not in every new channel."""
    if not current_user.is_admin or shown > YOUNG or members > FEW:
        return ""
    if not channels.is_first(view["id"]):
        return ""
    usable = invites.list_invites(current_user).items
    return absolute_url(f"/join/{usable[0]['code']}") if usable else ""


def _render(view: dict, problem: ChatError | None, **values: Any) -> Response:
    other = other_of(view) if view["kind"] == "direct" else None
    values.setdefault("composer_url", f"/channels/{view['slug']}/messages")
    if not view["id"]:
        values["composer_url"] = channel_url(view)
    reader = current_user._get_current_object()
    marked = values.get("new_seq"), values.get("target_seq")
    members, lines = values["members"], _member_lines()
    html = fragments.render(
        "channels/part.html" if _is_part() else "channels/show.html",
        {
            "message_rows": message_list(values["messages"], *marked),
            "member_lines": member_list(members, presence.is_known(), reader, lines),
            "member_data": member_data(members, lines),
        },
        channel=view,
        current_channel_id=view["id"],
        own=_own(values["messages"]),
        members_without_line=members_without_line(members, lines),
        unreachable=permissions.is_unreachable(current_user, view),
        now=base.iso(base.now()),
        direct_person={"id": other} if other else None,
        errors=errors_of(problem),
        form={"text": request.form.get("text", "")} if problem else {},
        client_id=_client_id(problem),
        **values,
    )
    response = make_response(html, problem.status if problem else 200)
    response.vary.add(PART)
    if _is_part():
        response.headers["X-Edition"] = edition()
    return response


def _is_part() -> bool:
    """Whether a page that is there asks for the channel alone, to show it in place of another."""
    return request.method == "GET" and request.headers.get(PART) == "channel"


def _own(shown: list[dict]) -> dict[int, str]:
    """The client ids of the reader's messages by seq, for the outbox; rows are for all readers."""
    own = current_user.id
    return {each["seq"]: each["client_id"] for each in shown if each["author"]["id"] == own}


def _member_lines() -> int:
    """How many members have a line in the page: without a script, all on demand."""
    return MOST_MEMBERS if request.args.get("people") == "all" else MEMBER_LINES


def _client_id(problem: ChatError | None) -> str:
    """A fresh id for the next message; the same one when this one has to be tried again."""
    tried = request.form.get("client_id", "") if problem else ""
    return tried or secrets.token_urlsafe(16)


def _remember(response: Response, view: dict) -> Response:
    """Remember the channel that `/` leads to next time, before those that were shown earlier.

    A script that asks for a part may be fetching ahead: it writes the cookie itself
    (static/js/navigation.js).
    """
    if _is_part():
        return response
    before = recent_channels()
    if view["id"] and before[0] != view["id"]:
        others = [cid for cid in before if base.object_id(cid) and cid != view["id"]]
        response.set_cookie(
            RECENT_COOKIE,
            ".".join([view["id"], *others][:MOST_RECENT]),
            max_age=31536000,
            samesite="Lax",
            secure=request.is_secure or bool(current_app.config.get("PRODUCTION")),
        )
    return response
