"""Access tokens (bearer tokens) that people create for their programs."""

from typing import Any

from flask_babel import lazy_gettext as _l

from chat.auth import current_user
from chat.errors import Conflict, Forbidden, NotFound
from chat.models import AccessToken
from chat.services import accounts
from chat.text import validate

MOST = 20


def create(actor: Any, name: str, password: str) -> dict:
    """A new token {id, name, created_at, token}. Its text is returned only here.

    Needs a session and the password: a thief of a token or of an open browser must not be able to
    create access that lasts longer.
    """
    if current_user.via_token():
        raise Forbidden(_l("A token can't create tokens. Create it in the settings."))
    line = validate.check_line(
        name, (1, 60), _l("Token names must be 1 to 60 characters long."), "name"
    )
    if len(AccessToken.of(actor.id)) >= MOST:
        raise Conflict(_l("You already have 20 tokens. Revoke one first."))
    accounts.confirm_password(actor, password)
    return AccessToken.issue(actor.id, line, actor.auth_gen)


def revoke(actor: Any, token_id: str) -> None:
    """End one of the actor's own tokens; NotFound if they have no such token."""
    if not AccessToken.revoke(actor.id, token_id):
        raise NotFound()


def list_tokens(actor: Any) -> list[dict]:
    """The actor's tokens, newest first, without their texts."""
    return AccessToken.of(actor.id)
