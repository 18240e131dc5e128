"""Permissions: requests get channels and messages only through these functions.

Each function loads and checks in one call, so that no check can be forgotten. If the actor may not
know about a channel or message, NotFound is raised, exactly as if it did not exist. Checks come
before content is read from shared caches.
"""

from typing import Any

from flask_babel import lazy_gettext as _l

from chat.cache import channels, members, response_dependencies, users
from chat.errors import Conflict, Forbidden, NotFound
from chat.models import Message
from chat.models.user import at_least


def get_channel_for(actor: Any, channel_id: str) -> dict:
    """The channel, if the actor may read it; else NotFound.

    All people may read public and voice channels; only members may read others. An archived public
    or voice channel may be read by its members and by people who can manage it.
    """
    return _visible(actor, channels.get(channel_id))


def get_channel_by_slug_for(actor: Any, slug: str) -> dict:
    """``get_channel_for`` by the channel's slug."""
    return _visible(actor, channels.get_by_slug(slug))


def get_message_for(actor: Any, message_id: str) -> dict:
    """A message, if it is not deleted and the actor may read its channel; else NotFound."""
    message = Message.find(message_id)
    if message is None or message["deleted"]:
        raise NotFound()
    get_channel_for(actor, message["channel"])
    return message


def is_member(actor: Any, channel: dict) -> bool:
    """Whether the actor is a member of the channel."""
    return members.is_member(channel["id"], actor.id)


def require_member(actor: Any, channel: dict) -> None:
    """Raise Forbidden unless the actor is a member of the channel."""
    if not is_member(actor, channel):
        raise Forbidden(_l("Join the channel first."))


def require_open(channel: dict) -> None:
    """Raise Conflict if the channel is archived."""
    if channel["archived"]:
        raise Conflict(_l("This channel is archived."))


def is_unreachable(actor: Any, channel: dict) -> bool:
    """Whether this is a direct channel in which all other people are deactivated."""
    others = [uid for uid in channel.get("people") or () if uid != actor.id]
    profiles = users.get_profiles(others) if others else {}
    return bool(others) and not any(person["active"] for person in profiles.values())


def require_reachable(actor: Any, channel: dict) -> None:
    """Raise Conflict if all other people of a direct channel are deactivated."""
    if is_unreachable(actor, channel):
        raise Conflict(_l("This account has been deactivated."))


def require_role(actor: Any, minimum: str) -> None:
    """Raise Forbidden unless the actor's role is at least ``minimum``."""
    if not at_least(actor.role, minimum):
        raise Forbidden()


def can_manage(actor: Any, channel: dict) -> bool:
    """Whether the actor may rename, describe and archive: moderators and up, and the creator.

    Always False for a direct channel.
    """
    if channel["kind"] == "direct":
        return False
    return at_least(actor.role, "moderator") or channel["created_by"] == actor.id


def require_manager(actor: Any, channel: dict) -> None:
    """Raise Forbidden unless the actor may manage the channel."""
    if not can_manage(actor, channel):
        raise Forbidden()


def _visible(actor: Any, channel: dict | None) -> dict:
    if channel is None or getattr(actor, "id", None) is None:
        raise NotFound()
    is_public = channel["kind"] in ("public", "voice")
    if is_public and not channel["archived"]:
        return channel
    response_dependencies.for_caller()
    if is_member(actor, channel) or (is_public and can_manage(actor, channel)):
        return channel
    raise NotFound()
