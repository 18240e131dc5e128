"""How often each emoji is used."""

from chat.api import schemas
from chat.api.routing import Noun
from chat.services import emoji

noun = Noun("emoji")


@noun.operation("GET", "/emoji", {200: schemas.EmojiCounts}, cached=True, alike=True)
def index() -> dict:
    """The emoji people use, most used first."""
    return {"emoji": emoji.counts()}
