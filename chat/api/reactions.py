"""Reactions to messages."""

from flask_login import current_user

from chat.api import schemas
from chat.api.routing import Noun
from chat.services import reactions

noun = Noun("reactions")
PATH = "/messages/<message_id>/reactions/<emoji>"


@noun.operation("PUT", PATH, {200: schemas.Message})
def add(message_id: str, emoji: str) -> dict:
    """React to a message with an emoji. The same again changes nothing."""
    return reactions.add(current_user, message_id, emoji)


@noun.operation("DELETE", PATH, {200: schemas.Message})
def remove(message_id: str, emoji: str) -> dict:
    """Take one's own reaction back."""
    return reactions.remove(current_user, message_id, emoji)
