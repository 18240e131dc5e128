"""Bearer tokens, for programs that act for a person."""

from flask_login import current_user

from chat.api import schemas
from chat.api.routing import Noun
from chat.services import tokens

noun = Noun("tokens")


@noun.operation("POST", "/tokens", {201: schemas.Token}, body=schemas.NewToken)
def create(body: schemas.NewToken) -> dict:
    """Make a token, from a session and with the password; it is shown this once."""
    return tokens.create(current_user, body.name, body.password)


@noun.operation("DELETE", "/tokens/<token_id>", {204: None})
def revoke(token_id: str) -> None:
    """Revoke one of the caller's tokens."""
    tokens.revoke(current_user, token_id)
