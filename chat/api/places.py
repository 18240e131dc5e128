"""Channels and people by a few letters of their names."""

from flask_login import current_user

from chat.api import schemas
from chat.api.routing import Noun
from chat.services import places

noun = Noun("places")


@noun.operation("GET", "/places", {200: schemas.Places}, query=schemas.PlaceQuery)
def find(query: schemas.PlaceQuery) -> dict:
    """The channels and the people that these letters may mean, whatever the keyboard's layout."""
    return places.find(current_user, query.q, query.limit)
