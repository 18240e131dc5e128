"""Invite links: admins and owners create, list and revoke them."""

from typing import Any

from chat.auth import permissions
from chat.cache import users
from chat.errors import Invalid, NotFound
from chat.models import Invite
from chat.models.user import at_least

DAYS = (1, 365)


def create(actor: Any, days: int = 7) -> dict:
    """A new invite {code, created_by, created_at, expires_at, uses}, valid for 1 to 365 days."""
    permissions.require_role(actor, "admin")
    if not DAYS[0] <= days <= DAYS[1]:
        raise Invalid(field="days")
    return Invite.issue(actor.id, days)


def revoke(actor: Any, code: str) -> None:
    """End an invite at once; NotFound if there is none."""
    permissions.require_role(actor, "admin")
    if not Invite.revoke(code):
        raise NotFound()


def list_invites(actor: Any) -> list[dict]:
    """All valid invites, newest first."""
    permissions.require_role(actor, "admin")
    return [invite for invite in Invite.all_valid() if _may_invite(invite["created_by"])]


def is_valid(code: str) -> bool:
    """Whether this invite may be used now."""
    invite = Invite.find_valid(code) if code else None
    return invite is not None and _may_invite(invite["created_by"])


def _may_invite(user_id: str) -> bool:
    """Whether the creator of an invite may still invite; otherwise the invite is not valid."""
    profile = users.get_profile(user_id)
    return bool(profile and profile["active"] and at_least(profile["role"], "admin"))
