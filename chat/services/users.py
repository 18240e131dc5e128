"""Lists of people, with who is online and when they were last active (R29)."""

from collections.abc import Callable, Iterable, Set
from heapq import nsmallest
from typing import Any, NamedTuple, TypeVar

from chat import presence
from chat.auth import permissions
from chat.cache import members
from chat.cache import users as cache
from chat.cache.process_copies import Made
from chat.errors import BadInput, NotFound
from chat.models import User, base
from chat.text import validate

T = TypeVar("T")
MOST_IN_PAGE = 1000
MOST_ONLINE = 500  # people in one answer about who is online

_pages: Made[Any] = Made(50)
_members: Made[list[dict]] = Made(200)
_online: Made["Online"] = Made(1)
_profiles: Made[dict[str, dict]] = Made(1)
MOST_PROFILES = 5_000


class Online(NamedTuple):
    """The people online now, sorted by nickname, and how many more there are.

    ``ids``: the ids of these people, separated by spaces.
    """

    people: list[dict]
    more: int
    ids: str


def list_people(limit: int = 100, cursor: str | None = None) -> tuple[list[dict], str | None]:
    """(a page of active people, most recently active first; the next page's cursor or None)."""
    return list_people_as(_as_it_is, limit, cursor)


def list_people_as(
    make: Callable[[list[dict], str | None], T], limit: int = 100, cursor: str | None = None
) -> T:
    """The result of ``make(people, cursor)`` for a page; cached while the page is the same."""
    limit = max(1, min(limit, MOST_IN_PAGE))
    page, online = cache.list_recent(limit + 1, _parse(cursor)), presence.online()

    def made() -> T:
        scores = dict(page.entries[:limit])
        found = page.profiles or cache.get_profiles(scores)
        people = _with_presence([found[uid] for uid in scores if uid in found], scores, online)
        last = page.entries[limit - 1] if len(page.entries) > limit else None
        return make(people, f"{last[0]}.{last[1]}" if last else None)

    basis = (page.version, page.entries, online)
    return _pages.get((make, limit, cursor), basis, made)  # type: ignore[no-any-return]


def get_person(user_id: str) -> dict:
    """One person with last_active and online. NotFound if unknown or deactivated."""
    profile = cache.get_profile(user_id)
    if profile is None or not profile["active"]:
        raise NotFound()
    return _with_presence([profile], cache.last_active([user_id]), presence.online())[0]


def get_people(user_ids: Iterable[str]) -> list[dict]:
    """The active people of these ids, sorted by nickname, without ``last_active``."""
    profiles = cache.get_profiles(set(user_ids)).values()
    return _by_name(_with_presence(profiles, {}, presence.online()))


def get_by_nickname(nickname: str) -> dict:
    """``get_person`` by nickname."""
    row = User.by_nickname(validate.nickname_key(nickname))
    if row is None:
        raise NotFound()
    return get_person(str(row["_id"]))


def members_of(actor: Any, channel_id: str) -> list[dict]:
    """The active members of a channel, sorted by nickname, without ``last_active``."""
    permissions.get_channel_for(actor, channel_id)
    found, online = members.look(channel_id), presence.online()
    version = cache.version()

    def made() -> list[dict]:
        return _by_name(_with_presence(_profiles_of(found.value, version), {}, online))

    return _members.get(channel_id, (found.version, version, online), made)


def online_people() -> Online:
    """The people online now, at most MOST_ONLINE. Everybody is told of the same ones."""
    online, version = presence.online(), cache.version()

    def made() -> Online:
        # The oldest accounts: whoever comes or goes changes one entry, not the choice.
        chosen = nsmallest(MOST_ONLINE, online) if len(online) > MOST_ONLINE else online
        found = _by_name(_with_presence(_profiles_of(chosen, version), {}, online))
        return Online(found, len(online) - len(chosen), " ".join(p["id"] for p in found))

    return _online.get("", (version, online), made)


def _profiles_of(ids: Iterable[str], version: str | None) -> list[dict]:
    """Profiles by id, cached while no profile changes: most people are in many channels.

    ``version``: the version of all profiles, which the caller read before.
    """
    known, wanted = _profiles.get("", (version,), dict), list(ids)
    missing = sorted(uid for uid in wanted if uid not in known)
    if len(known) + len(missing) > MOST_PROFILES:
        return list(cache.get_profiles(wanted).values())
    if missing:
        known.update(cache.get_profiles(missing))
    return [known[uid] for uid in wanted if uid in known]


def _as_it_is(people: list[dict], following: str | None) -> tuple[list[dict], str | None]:
    return people, following


def _with_presence(
    profiles: Iterable[dict], scores: dict[str, int], online: Set[str]
) -> list[dict]:
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
