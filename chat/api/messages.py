"""Messages: history, posting, changing, and how far the caller has read."""

from flask_babel import gettext as _
from flask_login import current_user

from chat.api import schemas
from chat.api.params import given
from chat.api.routing import Answer, Encoded, Noun, encode
from chat.errors import BadInput
from chat.services import messages

noun = Noun("messages")


@noun.operation(
    "GET",
    "/channels/<channel_id>/messages",
    {200: schemas.MessagePage},
    query=schemas.MessageQuery,
    cached=True,
    alike=True,
)
def history(channel_id: str, query: schemas.MessageQuery) -> Encoded:
    """A page of history, oldest first; the newest page when neither before nor after is given."""
    asked = given(query)
    if "before" in asked and "after" in asked:
        raise BadInput(_("Use either “before” or “after”, not both."), field="after")
    if not asked.keys() & {"before", "after"} and query.limit <= messages.MOST_NEWEST:
        return messages.newest_as(_page, current_user, channel_id, query.limit)
    return _page(*messages.history(current_user, channel_id, **asked))


def _page(found: list[dict], more: bool) -> Encoded:
    return encode({"messages": found, "more": more}, schemas.MessagePage)


@noun.operation(
    "GET",
    "/channels/<channel_id>/messages/around",
    {200: schemas.MessagesAround},
    query=schemas.AroundQuery,
    cached=True,
)
def around(channel_id: str, query: schemas.AroundQuery) -> dict:
    """The messages round one, oldest first."""
    found, before, after = messages.around(current_user, channel_id, query.seq, limit=query.limit)
    return {"messages": found, "more_before": before, "more_after": after}


@noun.operation(
    "POST",
    "/channels/<channel_id>/messages",
    {201: schemas.Message, 200: schemas.Message},
    body=schemas.NewMessage,
)
def post(channel_id: str, body: schemas.NewMessage) -> Answer:
    """Post a message. The same client_id again stores nothing: 200 and the stored message."""
    message, created = messages.post(current_user, channel_id, body.text, body.client_id)
    return Answer(message, 201 if created else 200)


@noun.operation("GET", "/messages/<message_id>", {200: schemas.Message})
def get(message_id: str) -> dict:
    """One message that is not deleted."""
    return messages.get(current_user, message_id)


@noun.operation("PATCH", "/messages/<message_id>", {200: schemas.Message}, body=schemas.MessageText)
def edit(message_id: str, body: schemas.MessageText) -> dict:
    """Change the text of one's own message."""
    return messages.edit(current_user, message_id, body.text)


@noun.operation("DELETE", "/messages/<message_id>", {204: None})
def delete(message_id: str) -> None:
    """Delete a message: its author and moderators may."""
    messages.delete(current_user, message_id)


@noun.operation("POST", "/channels/<channel_id>/read", {204: None}, body=schemas.ReadUpTo)
def mark_read(channel_id: str, body: schemas.ReadUpTo) -> None:
    """Everything up to this message is read."""
    messages.mark_read(current_user, channel_id, body.seq)
