"""The search of the switcher: channels and people whose names contain the typed letters."""

from typing import Any

from chat import presence
from chat.models import User
from chat.models.user import to_profile
from chat.protocol import PLACES_FOUND
from chat.services import channels, users
from chat.text import spellings

MOST = 50


def find(actor: Any, typed: str, limit: int = PLACES_FOUND) -> dict[str, list[dict]]:
    """{channels, users}: at most ``limit`` of each; names that begin with the text come first.

    Without a text: the actor's own channels before others, and the people active last.
    """
    meant, limit = spellings.of(typed), max(1, min(limit, MOST))
    if typed.strip() and not meant:
        return {"channels": [], "users": []}  # the text is longer than any name
    return {"channels": _channels(actor, meant, limit), "users": _people(meant, limit)}


def _channels(actor: Any, meant: list[str], limit: int) -> list[dict]:
    ranked = []
    for view in channels.list_for(actor):
        rank = _rank(spellings.key(view["title"]), meant)
        if rank is not None:
            ranked.append(((rank, view["archived"], not view["member"]), view))
    ranked.sort(key=lambda pair: pair[0])  # a stable sort: by name within a rank
    return [view for _rank, view in ranked[:limit]]


def _rank(name: str, meant: list[str]) -> int | None:
    """0 if the name begins with one of the texts, 1 if it contains one, else None."""
    places = [name.find(spelling) for spelling in meant or [""]]
    found = [place for place in places if place >= 0]
    return min(1, *found) if found else None


def _people(meant: list[str], limit: int) -> list[dict]:
    if not meant:
        return users.list_people(limit)[0]
    patterns = [spellings.pattern(spelling) for spelling in meant]
    rows = User.named_like([f"^{pattern}" for pattern in patterns], limit)
    if len(rows) < limit:
        rows += User.named_like(patterns, limit - len(rows), besides=[row["_id"] for row in rows])
    online = presence.online()
    return [to_profile(row) | {"online": str(row["_id"]) in online} for row in rows]
