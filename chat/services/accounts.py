"""Accounts: set-up, registration, log-in, passwords, settings, roles, deactivation."""

from contextlib import suppress
from typing import Any

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from mongoengine.errors import NotUniqueError

from chat.auth import known_browsers, login, passwords, permissions, sessions
from chat.auth.password_rules import check_new_password
from chat.cache import users as cache
from chat.errors import ChatError, Conflict, Crowded, Forbidden, Invalid, NotFound
from chat.models import AccessToken, Channel, Invite, Membership, Site, User, base
from chat.models.user import ROLES, at_least, to_profile
from chat.realtime.outgoing import broadcasts
from chat.services import channels, invites, site
from chat.services.pages import Page, cut, place
from chat.text import lookalikes, spellings, validate
from chat.web import rate_limits

THEMES = ("system", "light", "dark")
LOCALES = ("", "en", "ru")
FIRST_INVITE_DAYS = 30
IN_PAGE = 50  # accounts


def is_set_up() -> bool:
    """Whether the first account exists. Once true it stays true."""
    return site.get_site() is not site.DEFAULT or Site.is_set_up()


def set_up(site_name: str, nickname: str, password: str) -> dict:
    """Make the owner, the first channel and an invite: {user, channel, invite}.

    NotFound once there is an account; of simultaneous callers one wins. Invalid as for register.
    """
    name = site.check_name(site_name)
    nickname = validate.check_nickname(nickname)
    check_new_password(password, nickname, name)
    if Site.is_set_up():
        raise NotFound()
    digest = passwords.hash_password(password)
    owner_id = Site.claim(name, str(get_locale() or "en"))
    if owner_id is None:
        raise NotFound()
    try:
        owner = _store_user(nickname, digest, id=owner_id, role="owner")
    except ChatError:
        Site.release(owner_id)
        raise  # after any other error the owner may be stored: the claim must not be given up
    with base.announced(Site(id="site")):
        pass  # the claim has written the site; this invalidates its cache
    channel = _first_channel(owner["id"])
    invite = Invite.issue(owner["id"], FIRST_INVITE_DAYS)
    return {"user": owner, "channel": channel, "invite": invite}


def right_to_register(invite: str) -> str:
    """The reason to allow a registration: "invite" (a valid one), "open" (for all), "" (none)."""
    if invites.is_valid(invite):
        return "invite"
    return "open" if site.get_site()["open_registration"] else ""


def register(nickname: str, password: str, invite: str = "") -> dict:
    """Create an account, with an invite or if registration is open; its profile.

    Raises Invalid with the wrong field, Forbidden without a right to register. A taken nickname is
    Invalid(field=nickname), not Conflict.
    """
    if not (right := right_to_register(invite)):
        raise Forbidden(_l("This invite is no longer valid. Ask for a new one."))
    nickname = validate.check_nickname(nickname)
    _check_mistakable(nickname)
    check_new_password(password, nickname, site.get_site()["name"])
    digest = passwords.hash_password(password, known=right == "invite")
    profile = _store_user(nickname, digest)
    if invite:
        Invite.count_use(invite)
    channels.welcome(profile)
    broadcasts.user_changed(profile["id"])
    return profile


def _check_mistakable(nickname: str) -> None:
    """Refuse a nickname that looks like another person's or like the installation's.

    Not called for the first account, which may be called "admin".
    """
    key = validate.nickname_key(nickname)
    if lookalikes.is_office(key):
        raise Invalid(_l("This nickname is reserved. Choose another one."), field="nickname")
    if any(User.by_nickname(twin) for twin in lookalikes.twins(key)):
        raise _looks_taken()


def _looks_taken() -> Invalid:
    words = _l("This nickname looks like somebody else's. Choose another one.")
    return Invalid(words, field="nickname")


def authenticate(nickname: str, password: str) -> dict | None:
    """The profile of the active person with this nickname and password, or None.

    Each None takes the same time, except for an empty nickname key, which no person can have.
    """
    key = validate.nickname_key(nickname)
    if not key:
        return None
    row = User.by_nickname(key)
    right = _is_right(row, password, known=known_browsers.is_known_for(nickname))
    return to_profile(row) if row and right and row.get("active", True) else None


def _is_right(row: dict | None, password: str, known: bool = True) -> bool:
    """Whether the password is right. Replaces an outdated hash."""
    stored = row["password_hash"] if row else None
    verdict = passwords.verify_password(stored, password, known)
    if row and verdict.outdated:
        with suppress(Crowded):  # the next log-in tries again
            digest = passwords.hash_password(password)
            User.change(row["_id"], {"password_hash": stored}, set__password_hash=digest)
    return verdict.right


def confirm_password(actor: Any, password: str, field: str = "password") -> None:
    """Raises Invalid(field) unless this is the actor's password, Throttled after too many tries."""
    session = sessions.sid_hash(sessions.current_sid() or "")
    with rate_limits.password_try(session):
        if not _is_right(User.raw(actor.id), password):
            raise Invalid(_l("That is not your current password."), field=field)


def change_password(actor: Any, old: str, new: str, keep_tokens: bool = False) -> None:
    """Set a new password. Invalid(field=old_password) if the old one is wrong.

    The actor's other sessions end, and their tokens unless they are to be kept. This session goes
    on under a new id.
    """
    confirm_password(actor, old, "old_password")
    check_new_password(new, actor.nickname, site.get_site()["name"], field="new_password")
    digest = passwords.hash_password(new)
    User.change(actor.id, set__password_hash=digest, inc__auth_gen=1)
    profile = cache.get_profile(actor.id) or {}
    if keep_tokens:
        AccessToken.keep_all(actor.id, profile["auth_gen"])
    else:
        AccessToken.revoke_all(actor.id)
    login.rotate(profile, logged_in=True)
    end_other_sessions(actor)


def end_other_sessions(actor: Any) -> None:
    """End all other sessions of the actor; this session and its sockets stay."""
    sid = sessions.current_sid()
    sessions.end_all(actor.id, except_sid=sid)
    broadcasts.sessions_ended(actor.id, except_sid_hash=sessions.sid_hash(sid) if sid else None)


def update_settings(
    actor: Any, locale: str | None = None, theme: str | None = None, status: str | None = None
) -> None:
    """Change what is given: language ("" follows the browser), theme, status line."""
    fields: dict[str, Any] = {}
    if locale is not None:
        fields["set__locale"] = _one_of(locale, LOCALES, "locale")
    if theme is not None:
        fields["set__theme"] = _one_of(theme, THEMES, "theme")
    if status is not None:
        fields["set__status"] = validate.check_status(status)
    if fields:
        User.change(actor.id, **fields)
        broadcasts.user_changed(actor.id)


def set_role(actor: Any, user_id: str, role: str) -> None:
    """Set a person's role. Admins may give roles up to admin, owners any; one owner must stay."""
    person = _person_to_manage(actor, user_id)
    _one_of(role, ROLES, "role")
    if not at_least(actor.role, role):
        raise Forbidden(_l("You can't assign a role above your own."))
    if role != "owner":
        _keep_an_owner(person)
    User.change(user_id, set__role=role)
    _restore_owner(person, user_id)
    if not at_least(role, "admin"):
        Invite.revoke_all(user_id)
    broadcasts.user_changed(user_id)


def deactivate(actor: Any, user_id: str) -> None:
    """Deactivate a person: sessions, sockets, tokens and invites end at once. Messages stay."""
    person = _person_to_manage(actor, user_id)
    _keep_an_owner(person)
    User.change(user_id, set__active=False, inc__auth_gen=1)
    _restore_owner(person, user_id)
    AccessToken.revoke_all(user_id)
    Invite.revoke_all(user_id)
    sessions.end_all(user_id)
    broadcasts.sessions_ended(user_id)
    broadcasts.user_changed(user_id)
    channels.list_person(to_profile(person), listed=False)


def reactivate(actor: Any, user_id: str) -> None:
    """Activate a deactivated person, who must log in again."""
    person = _person_to_manage(actor, user_id)
    User.change(user_id, set__active=True)
    broadcasts.user_changed(user_id)
    channels.list_person(to_profile(User.raw(user_id) or person))


def list_accounts(actor: Any, typed: str = "", number: int = 1) -> Page:
    """A page of the people whose nicknames contain the typed letters, deactivated ones included.

    Admins and owners only.
    """
    permissions.require_role(actor, "admin")
    patterns = [spellings.pattern(meant) for meant in spellings.of(typed)]
    if typed.strip() and not patterns:
        return cut([], IN_PAGE, number)  # the text is longer than any name
    total = User.count_accounts(patterns)
    number, pages, first = place(total, IN_PAGE, number)
    return Page(User.accounts(patterns, first, IN_PAGE), number, pages, total)


def get_account(actor: Any, user_id: str) -> dict | None:
    """One account, deactivated or not, or None. Admins and owners only."""
    permissions.require_role(actor, "admin")
    return cache.get_profile(user_id)


def _person_to_manage(actor: Any, user_id: str) -> dict:
    """The stored person, if the actor may change their role or state; else NotFound, Forbidden."""
    permissions.require_role(actor, "admin")
    person = User.raw(user_id)
    if person is None:
        raise NotFound()
    if not at_least(actor.role, person["role"]):
        raise Forbidden(_l("Only an owner can do this to another owner."))
    return person


def _keep_an_owner(person: dict) -> None:
    """Raise Conflict if this person is the last active owner."""
    counts = person["role"] == "owner" and person.get("active", True)
    if counts and User.count_owners() <= 1:
        raise Conflict(_l("You can't remove the last owner. Make someone else an owner first."))


def _restore_owner(person: dict, user_id: str) -> None:
    """Undo, and raise Conflict, if two last owners removed each other at the same moment."""
    if person["role"] != "owner" or not person.get("active", True) or User.count_owners() > 0:
        return
    User.change(user_id, set__role="owner", set__active=True)
    raise Conflict(_l("You can't remove the last owner. Make someone else an owner first."))


def _one_of(value: str, allowed: tuple[str, ...], field: str) -> str:
    if value not in allowed:
        raise Invalid(field=field)
    return value


def _store_user(nickname: str, digest: str, **fields: Any) -> dict:
    key = validate.nickname_key(nickname)
    user = User(
        nickname=nickname,
        nickname_key=key,
        look=lookalikes.look(key),
        password_hash=digest,
        **fields,
    )
    try:
        user.save()
    except NotUniqueError:
        base.write_refused.send(User, document=user)
        if User.by_nickname(key) is None:
            raise _looks_taken() from None
        raise Invalid(_l("This nickname is taken."), field="nickname") from None
    return to_profile(user.to_mongo())


def _first_channel(owner_id: str) -> dict:
    """Create the first channel, which new accounts join; its name is in the language of set-up."""
    name = gettext("general")
    channel = Channel(slug=validate.slugify(name), name=name, kind="public", created_by=owner_id)
    channel.save()
    Membership.add(str(channel.id), owner_id)
    return {"id": str(channel.id), "slug": channel.slug, "name": name}
