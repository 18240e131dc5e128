"""Invite links: admins and owners create, list and revoke them."""

from typing import Any

from chat.auth import permissions
from chat.cache import users
from chat.errors import Invalid, NotFound
from chat.models import Invite
from chat.models.user import at_least
from chat.services.pages import Page, place

DAYS = (1, 365)
IN_PAGE = 20


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


def list_invites(actor: Any, number: int = 1) -> Page:
    """A page of the valid invites, newest first."""
    permissions.require_role(actor, "admin")
    total = Invite.count_valid()
    number, pages, first = place(total, IN_PAGE, number)
    found = Invite.newest_valid(first, IN_PAGE)
    creators = users.get_profiles(invite["created_by"] for invite in found)
    usable = [invite for invite in found if _may(creators.get(invite["created_by"]))]
    return Page(usable, number, pages, total)


def is_valid(code: str) -> bool:
    """Whether this invite may be used now."""
    invite = Invite.find_valid(code) if code else None
    return invite is not None and _may_invite(invite["created_by"])


def _may_invite(user_id: str) -> bool:
    """Whether the creator of an invite may still invite; otherwise the invite is not valid."""
    return _may(users.get_profile(user_id))


def _may(profile: dict | None) -> bool:
    return bool(profile and profile["active"] and at_least(profile["role"], "admin"))
