"""Invite links."""

from flask_login import current_user

from chat.api import schemas
from chat.api.routing import Noun
from chat.services import invites
from chat.web import security

noun = Noun("invites")


@noun.operation(
    "POST",
    "/invites",
    {201: schemas.Invite},
    body=schemas.NewInvite,
    body_optional=True,
    role="admin",
)
def create(body: schemas.NewInvite) -> dict:
    """Make an invite link."""
    invite = invites.create(current_user, days=body.days)
    return invite | {"url": f"{security.site_address()}/join/{invite['code']}"}


@noun.operation("DELETE", "/invites/<code>", {204: None}, role="admin")
def revoke(code: str) -> None:
    """Make an invite link useless."""
    invites.revoke(current_user, code)
