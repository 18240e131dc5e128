"""Lists of people, with who is online and when they were last active (R29)."""

from collections.abc import Iterable
from typing import Any

from chat import access, presence, text
from chat.cache import members
from chat.cache import users as cache
from chat.errors import BadInput, NotFound
from chat.models import User, base

MOST_IN_PAGE = 1000


def list_people(limit: int = 100, cursor: str | None = None) -> tuple[list[dict], str | None]:
    """(a page of active people, the most recently active first; the next page's cursor or None)."""
    limit = max(1, min(limit, MOST_IN_PAGE))
    page = cache.list_recent(limit + 1, _parse(cursor))
    scores = dict(page[:limit])
    people = _with_presence(cache.get_profiles(scores).values(), scores)
    last = page[limit - 1] if len(page) > limit else None
    return people, f"{last[0]}.{last[1]}" if last else None


def get_person(user_id: str) -> dict:
    """One person with last_active and online; NotFound for the unknown and the deactivated."""
    profile = cache.get_profile(user_id)
    if profile is None or not profile["active"]:
        raise NotFound()
    return _with_presence([profile], cache.last_active([user_id]))[0]


def get_by_nickname(nickname: str) -> dict:
    """The same by nickname."""
    row = User.by_nickname(text.fold(nickname))
    if row is None:
        raise NotFound()
    return get_person(str(row["_id"]))


def members_of(actor: Any, channel_id: str) -> list[dict]:
    """The active members of a channel, by nickname, without the time of their last activity."""
    access.get_channel_for(actor, channel_id)
    ids = sorted(members.get_members(channel_id))
    return _by_name(_with_presence(cache.get_profiles(ids).values(), {}))


def online_people() -> list[dict]:
    """Who is online now, by nickname."""
    ids = sorted(presence.online())
    return _by_name(_with_presence(cache.get_profiles(ids).values(), {}))


def _with_presence(profiles: Iterable[dict], scores: dict[str, int]) -> list[dict]:
    online = presence.online()
    return [
        profile
        | {
            "last_active": base.iso_of_millis(scores.get(profile["id"])),
            "online": profile["id"] in online,
        }
        for profile in profiles
        if profile["active"]
    ]


def _by_name(people: list[dict]) -> list[dict]:
    return sorted(people, key=lambda person: person["nickname"].casefold())


def _parse(cursor: str | None) -> tuple[int, str] | None:
    if not cursor:
        return None
    user_id, dot, score = cursor.partition(".")
    if not dot or base.object_id(user_id) is None or not score.isdecimal() or len(score) > 14:
        raise BadInput()
    return int(score), user_id
