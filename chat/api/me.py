"""The caller."""

from flask_login import current_user

from chat.api import schemas
from chat.api.params import given
from chat.api.routing import Noun
from chat.cache import users
from chat.services import accounts

noun = Noun("me")


@noun.operation("GET", "/me", {200: schemas.Me}, cached=True)
def show() -> dict:
    """The caller."""
    return _stored()


@noun.operation("PATCH", "/me", {200: schemas.Me}, body=schemas.MeChange)
def change(body: schemas.MeChange) -> dict:
    """Change one's status, language or theme."""
    accounts.update_settings(current_user, **given(body))
    return _stored()


def _stored() -> dict:
    return users.get_profile(current_user.id) or {}
