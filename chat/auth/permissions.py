"""What may this person see and do: the only ways to a channel or a message from outside.

Each function fetches and checks in one call, so that neither can be forgotten. What the caller may
not know about raises NotFound, exactly as if it did not exist. Checks come before shared caches are
read for content.
"""

from typing import Any

from flask_babel import lazy_gettext as _l

from chat.cache import channels, dependencies, members, users
from chat.errors import Conflict, Forbidden, NotFound
from chat.models import Message
from chat.models.user import at_least


def get_channel_for(actor: Any, channel_id: str) -> dict:
    """The channel, if the actor may read it.

    Public and voice channels are for all, others for their members. Once they are archived they are
    for those who were members then, and for whoever may open them again.
    """
    return _visible(actor, channels.get(channel_id))


def get_channel_by_slug_for(actor: Any, slug: str) -> dict:
    """The same by the channel's address."""
    return _visible(actor, channels.get_by_slug(slug))


def get_message_for(actor: Any, message_id: str) -> dict:
    """A message that is not deleted, in a channel that the actor may read."""
    message = Message.find(message_id)
    if message is None or message["deleted"]:
        raise NotFound()
    get_channel_for(actor, message["channel"])
    return message


def is_member(actor: Any, channel: dict) -> bool:
    """Whether the actor belongs to the channel."""
    return members.is_member(channel["id"], actor.id)


def require_member(actor: Any, channel: dict) -> None:
    """Forbidden unless the actor belongs to the channel."""
    if not is_member(actor, channel):
        raise Forbidden(_l("Join the channel first."))


def require_open(channel: dict) -> None:
    """Conflict if the channel is archived."""
    if channel["archived"]:
        raise Conflict(_l("This channel is archived."))


def is_unreachable(actor: Any, channel: dict) -> bool:
    """Whether this is a direct conversation in which nobody else can read any more."""
    others = [uid for uid in channel.get("people") or () if uid != actor.id]
    profiles = users.get_profiles(others) if others else {}
    return bool(others) and not any(person["active"] for person in profiles.values())


def require_reachable(actor: Any, channel: dict) -> None:
    """Conflict if nobody else could read what is said in this direct conversation."""
    if is_unreachable(actor, channel):
        raise Conflict(_l("This account has been deactivated."))


def require_role(actor: Any, minimum: str) -> None:
    """Forbidden unless the actor's role is at least this one."""
    if not at_least(actor.role, minimum):
        raise Forbidden()


def can_manage(actor: Any, channel: dict) -> bool:
    """Who may rename, describe and archive: moderators and up, and whoever made the channel."""
    if channel["kind"] == "direct":
        return False
    return at_least(actor.role, "moderator") or channel["created_by"] == actor.id


def require_manager(actor: Any, channel: dict) -> None:
    """Forbidden unless the actor may manage the channel."""
    if not can_manage(actor, channel):
        raise Forbidden()


def _visible(actor: Any, channel: dict | None) -> dict:
    if channel is None or getattr(actor, "id", None) is None:
        raise NotFound()
    is_public = channel["kind"] in ("public", "voice")
    if is_public and not channel["archived"]:
        return channel
    dependencies.for_caller()
    if is_member(actor, channel) or (is_public and can_manage(actor, channel)):
        return channel
    raise NotFound()
