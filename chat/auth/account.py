"""The account of a request's caller, as Flask-Login's current_user shows it."""

from typing import Any

from flask_login import AnonymousUserMixin, UserMixin

from chat.models.user import at_least


class Account(UserMixin):  # type: ignore[misc]
    """A signed-in person. All attributes come from the profile, because session data may be old."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self.profile = profile
        self.id: str = profile["id"]
        self.nickname: str = profile["nickname"]
        self.role: str = profile["role"]
        self.status: str = profile["status"]
        self.locale: str = profile["locale"]
        self.theme: str = profile["theme"]
        self.auth_gen: int = profile["auth_gen"]

    @property
    def is_moderator(self) -> bool:
        return at_least(self.role, "moderator")

    @property
    def is_admin(self) -> bool:
        return at_least(self.role, "admin")

    @property
    def is_owner(self) -> bool:
        return self.role == "owner"


class AnonymousAccount(AnonymousUserMixin):  # type: ignore[misc]
    """An anonymous visitor."""

    id = None
    nickname = role = status = locale = theme = ""
    auth_gen = 0
    is_moderator = is_admin = is_owner = False
