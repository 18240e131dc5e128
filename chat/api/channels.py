"""Channels, direct ones included, and the people in them."""

from flask_login import current_user

from chat.api import schemas
from chat.api.params import given
from chat.api.routing import Noun
from chat.auth import permissions
from chat.services import channels, directs, users

noun = Noun("channels")


@noun.operation(
    "GET", "/channels", {200: schemas.ChannelList}, query=schemas.ChannelQuery, cached=True
)
def index(query: schemas.ChannelQuery) -> dict:
    """The channels the caller may see: public ones and the caller's own."""
    return channels.list_page(current_user, **given(query))


@noun.operation("POST", "/channels", {201: schemas.Channel}, body=schemas.NewChannel)
def create(body: schemas.NewChannel) -> dict:
    """Create a channel; the caller is its first member."""
    return channels.create(current_user, body.name, topic=body.topic, kind=body.kind)


@noun.operation("POST", "/directs", {200: schemas.Channel}, body=schemas.NewDirect)
def open_direct(body: schemas.NewDirect) -> dict:
    """Open the direct channel with these people; the same people always share one."""
    return directs.open_direct(current_user, body.users)


@noun.operation("GET", "/channels/<channel_id>", {200: schemas.Channel}, cached=True)
def show(channel_id: str) -> dict:
    """One channel as the caller sees it."""
    channel = permissions.get_channel_for(current_user, channel_id)
    return channels.view_for(current_user, channel)


@noun.operation(
    "PATCH", "/channels/<channel_id>", {200: schemas.Channel}, body=schemas.ChannelChange
)
def change(channel_id: str, body: schemas.ChannelChange) -> dict:
    """Rename a channel or set its topic."""
    return channels.update(current_user, channel_id, **given(body))


@noun.operation("POST", "/channels/<channel_id>/join", {204: None})
def join(channel_id: str) -> None:
    """Become a member of a public channel."""
    channels.join(current_user, channel_id)


@noun.operation("POST", "/channels/<channel_id>/leave", {204: None})
def leave(channel_id: str) -> None:
    """Stop being a member."""
    channels.leave(current_user, channel_id)


@noun.operation(
    "GET", "/channels/<channel_id>/users", {200: schemas.UserIds}, cached=True, alike=True
)
def members(channel_id: str) -> dict:
    """The ids of a channel's members."""
    return {"users": [person["id"] for person in users.members_of(current_user, channel_id)]}


@noun.operation("POST", "/channels/<channel_id>/people/<user_id>", {204: None})
def add_person(channel_id: str, user_id: str) -> None:
    """Add somebody to a channel."""
    channels.add_person(current_user, channel_id, user_id)


@noun.operation("DELETE", "/channels/<channel_id>/people/<user_id>", {204: None})
def remove_person(channel_id: str, user_id: str) -> None:
    """Remove somebody from a channel."""
    channels.remove_person(current_user, channel_id, user_id)
