"""Reactions: people answer a message with an emoji."""

from typing import Any

from flask_babel import lazy_gettext as _l

from chat.auth import permissions
from chat.errors import Conflict, Invalid, NotFound
from chat.models import message_change, reaction
from chat.realtime.outgoing import broadcasts
from chat.services import emoji as emoji_counts
from chat.text import markdown

LONGEST = 40  # characters of one emoji


def add(actor: Any, message_id: str, emoji: str) -> dict:
    """Add a reaction; the message with all its reactions. An existing reaction changes nothing.

    Raises NotFound, Forbidden (not a member), Conflict (archived, deleted, too many reactions),
    Invalid(field=emoji).
    """
    message = _reachable(actor, message_id)
    if len(emoji) > LONGEST or markdown.emoji_in(emoji) != [emoji]:
        raise Invalid(_l("That is not an emoji."), "emoji")
    outcome = message_change.change(message, *reaction.adding(emoji, actor.id))
    if outcome.is_changed:
        emoji_counts.note(emoji)
    elif outcome.kind == "refused" and not _has(outcome.message, emoji, actor.id):
        raise Conflict(_l("This message has as many reactions as it can have."))
    return _told(outcome)


def remove(actor: Any, message_id: str, emoji: str) -> dict:
    """Remove the actor's reaction; the message. A missing reaction changes nothing.

    Raises NotFound, Forbidden (not a member), Conflict (archived, deleted).
    """
    message = _reachable(actor, message_id)
    return _told(message_change.change(message, *reaction.removing(emoji, actor.id)))


def _reachable(actor: Any, message_id: str) -> dict:
    message = permissions.get_message_for(actor, message_id)
    channel = permissions.get_channel_for(actor, message["channel"])
    permissions.require_member(actor, channel)
    permissions.require_open(channel)
    return message


def _told(outcome: message_change.Outcome) -> dict:
    """The message after the change. Announces the change to the channel."""
    if outcome.message is None:
        raise NotFound
    if outcome.kind == "deleted":
        raise Conflict(_l("This message was deleted."))
    if outcome.is_changed:
        broadcasts.message_changed(outcome.message)
    return outcome.message


def _has(message: dict | None, emoji: str, user_id: str) -> bool:
    found = message["reactions"] if message else []
    return any(each["emoji"] == emoji and user_id in each["users"] for each in found)
